// SPDX-License-Identifier: ISC
// Validates an OpenAPI document by the official schema. Arguments: the folder with node_modules, the document.
// Prints the faults as JSON lines and exits with 1 where there are some.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, file] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { Validator } = await import(pathToFileURL(require.resolve('@seriousme/openapi-schema-validator')).href);

const result = await new Validator().validate(JSON.parse(readFileSync(file, 'utf8')));
if (!result.valid) {
	for (const fault of Array.isArray(result.errors) ? result.errors : [result.errors])
		console.log(JSON.stringify(fault));
	process.exitCode = 1;
}

// SPDX-License-Identifier: ISC
// jsonrepair as tests/bench/mend.c runs core/repair. Arguments: the folder with node_modules, FILE, SECONDS; or the folder
// alone: an array of texts comes on standard input, and the array of what is made of each, null where it is refused, goes out.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, file, seconds] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/`));
const { jsonrepair } = await import(pathToFileURL(require.resolve('jsonrepair')).href);

function mend(text) {
	try {
		return jsonrepair(text);
	} catch {
		return null;
	}
}

// How many were refused.
function run(texts) {
	let refused = 0;
	for (const text of texts)
		if (mend(text) === null)
			refused++;
	return refused;
}

function measure(path) {
	const corpus = readFileSync(path);
	const texts = corpus.toString('utf8').split('\0').slice(0, -1);
	const refused = run(texts);
	for (let started = performance.now(); performance.now() - started < 300;)
		run(texts); // until its compiler has seen all
	const started = performance.now();
	let bytes = 0, spent;
	do {
		run(texts);
		bytes += corpus.length;
		spent = (performance.now() - started) / 1000;
	} while (spent < Number(seconds));
	console.log(`${bytes} ${spent.toFixed(6)} ${refused}`);
}

if (file)
	measure(file);
else
	console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(mend)));

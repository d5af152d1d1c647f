// SPDX-License-Identifier: ISC
// Drives a server that speaks OpenAI's API with OpenAI's own client and prints TAP.
//
//   node openai_client.mjs BASE_URL KEY FOLDER
//
// FOLDER is where `npm ci` put node_modules. The server must be empty, with states of a batch
// that last some tenths of a second, and model names that begin with gpt-.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const [baseURL, apiKey, folder] = process.argv.slice(2);
const require = createRequire(path.resolve(folder, 'package.json'));
const { OpenAI, toFile } = require('openai');
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const CHAT = '/v1/chat/completions';
const TERMINAL = ['completed', 'failed', 'expired', 'cancelled'];

const schema = {
	type: 'object', additionalProperties: false,
	required: ['title', 'description', 'period', 'materials', 'kind'],
	properties: {
		title: { type: 'string' }, description: { type: 'string' },
		period: { type: ['string', 'null'] },
		materials: { type: 'array', items: { type: 'string' } },
		kind: { type: 'string', enum: ['painting', 'bronze'] },
	},
};

function request(text, more = {}) {
	return {
		model: 'gpt-5-mini',
		messages: [
			{ role: 'developer', content: 'You are a cataloguer.' },
			{ role: 'user', content: [
				{ type: 'text', text },
				{ type: 'image_url', image_url: { url: 'https://example.com/a.jpg', detail: 'high' } },
			] },
		],
		response_format: { type: 'json_schema', json_schema: { name: 'lot', strict: true, schema } },
		max_completion_tokens: 1000,
		...more,
	};
}

function line(customId, body, url = CHAT) {
	return JSON.stringify({ custom_id: customId, method: 'POST', url, body });
}

async function upload(lines, name = 'in.jsonl') {
	return client.files.create({
		file: await toFile(Buffer.from(lines.map((l) => `${l}\n`).join('')), name), purpose: 'batch',
	});
}

async function create(file, metadata = null) {
	return client.batches.create({
		input_file_id: file.id, endpoint: CHAT, completion_window: '24h', metadata,
	});
}

async function ended(id) {
	const seen = [];
	for (;;) {
		const batch = await client.batches.retrieve(id);
		if (seen.at(-1) !== batch.status)
			seen.push(batch.status);
		if (TERMINAL.includes(batch.status))
			return { batch, seen };
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

async function lines(id) {
	const text = await (await client.files.content(id)).text();
	return text.split('\n').filter(Boolean).map((l) => JSON.parse(l));
}

async function refused(promise, kind, facts) {
	const error = await promise.then(() => assert.fail('was accepted'), (e) => e);
	assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
	for (const [key, value] of Object.entries(facts))
		assert.equal(error[key], value, key);
	assert.ok(error.request_id ?? error.headers?.['x-request-id'], 'x-request-id');
	return error;
}

const tests = {
	'a batch from upload to download': async () => {
		const names = Array.from({ length: 40 }, (_, i) => `${i + 1}-1-aa`);
		const file = await upload(names.map((n, i) => line(n, request(
			`Title: Lot ${i}\nNotes: Artist: Jane Doe\nDate: 1863\nMedium: Bronze`))));
		assert.equal(file.object, 'file');
		assert.equal(file.purpose, 'batch');
		assert.equal((await client.files.retrieve(file.id)).bytes, file.bytes);
		const made = await create(file, { key: 'value' });
		assert.equal(made.status, 'validating');
		assert.deepEqual(made.metadata, { key: 'value' });
		assert.equal(made.output_file_id, null);
		const { batch, seen } = await ended(made.id);
		assert.deepEqual(seen, ['validating', 'in_progress', 'finalizing', 'completed']);
		assert.deepEqual(batch.request_counts, { total: 40, completed: 40, failed: 0 });
		assert.equal(batch.error_file_id, null);
		const output = await lines(batch.output_file_id);
		assert.notDeepEqual(output.map((o) => o.custom_id), names, 'order is not kept');
		assert.deepEqual(output.map((o) => o.custom_id).sort(), [...names].sort());
		for (const { response, error } of output) {
			assert.equal(error, null);
			assert.equal(response.status_code, 200);
			const value = JSON.parse(response.body.choices[0].message.content);
			assert.deepEqual(Object.keys(value), Object.keys(schema.properties));
			assert.ok(schema.properties.kind.enum.includes(value.kind));
			assert.deepEqual(value.materials, ['bronze']);
		}
	},
	'failed lines go to the error file': async () => {
		const bad = request('Title: A');
		bad.messages[1].content[1].image_url.url = 'https://example.com/unreachable.jpg';
		const made = await create(await upload([line('1-1-aa', request('Title: A')), line('2-1-aa', bad)]));
		const { batch } = await ended(made.id);
		assert.deepEqual(batch.request_counts, { total: 2, completed: 1, failed: 1 });
		const [failure] = await lines(batch.error_file_id);
		assert.equal(failure.custom_id, '2-1-aa');
		assert.equal(failure.response.status_code, 400);
		assert.equal(failure.response.body.error.param, 'url');
		assert.equal(failure.error, null);
	},
	'a file that is no JSON Lines fails the batch': async () => {
		const { batch } = await ended((await create(await upload(['{"a":']))).id);
		assert.equal(batch.status, 'failed');
		assert.equal(batch.errors.data[0].code, 'invalid_json_line');
		assert.equal(batch.errors.data[0].line, 1);
	},
	'cancel': async () => {
		const names = Array.from({ length: 100 }, (_, i) => `${i + 1}-1-aa`);
		const made = await create(await upload(names.map((n) => line(n, request('Title: A')))));
		for (;;) {
			const now = await client.batches.retrieve(made.id);
			if (now.status === 'in_progress' && now.request_counts.completed > 0)
				break;
		}
		const cancelling = await client.batches.cancel(made.id);
		assert.equal(cancelling.status, 'cancelling');
		const { batch } = await ended(made.id);
		assert.equal(batch.status, 'cancelled');
		const run = await lines(batch.output_file_id);
		const never = await lines(batch.error_file_id);
		assert.ok(run.length > 0 && never.length > 0);
		assert.deepEqual([...run, ...never].map((l) => l.custom_id).sort(), [...names].sort());
		assert.ok(never.every((l) => l.response === null && l.error.code === 'batch_cancelled'));
		assert.equal((await client.batches.cancel(made.id)).status, 'cancelled');
	},
	'batches are listed newest first, by pages': async () => {
		const file = await upload([line('1-1-aa', request('Title: A'))]);
		const made = [];
		for (let i = 0; i < 5; i++)
			made.push((await create(file)).id);
		const found = [];
		for await (const batch of client.batches.list({ limit: 2 }))
			found.push(batch.id);
		assert.deepEqual(found.slice(0, 5), made.reverse());
		const first = await client.batches.list({ limit: 2 });
		assert.equal(first.data.length, 2);
		assert.ok(first.has_more);
	},
	'files are listed, filtered and deleted': async () => {
		const file = await upload([line('1-1-aa', request('Title: A'))], 'mine.jsonl');
		const found = [];
		for await (const other of client.files.list({ purpose: 'batch', limit: 3 }))
			found.push(other);
		assert.equal(found[0].id, file.id);
		assert.equal(found[0].filename, 'mine.jsonl');
		assert.ok(found.every((f) => f.purpose === 'batch'));
		const oldest = await client.files.list({ order: 'asc', limit: 1 });
		assert.equal(oldest.data.length, 1);
		assert.notEqual(oldest.data[0].id, file.id);
		assert.deepEqual(await client.files.del(file.id), { id: file.id, object: 'file', deleted: true });
		await refused(client.files.retrieve(file.id), OpenAI.NotFoundError, { status: 404 });
		await refused(create(file), OpenAI.NotFoundError, { status: 404, param: 'input_file_id' });
	},
	'errors have the classes of the client': async () => {
		const stranger = new OpenAI({ baseURL, apiKey: 'sk-wrong-key-of-some-length', maxRetries: 0 });
		await refused(stranger.files.list(), OpenAI.AuthenticationError, { status: 401, code: 'invalid_api_key' });
		await refused(client.batches.retrieve('batch_none'), OpenAI.NotFoundError, { status: 404 });
		await refused(client.batches.create({ endpoint: CHAT, completion_window: '24h' }),
			OpenAI.BadRequestError, { status: 400, param: 'input_file_id' });
		await refused(client.chat.completions.create(request('Title: A', { model: 'no-such-model' })),
			OpenAI.NotFoundError, { status: 404, code: 'model_not_found' });
		const loose = request('Title: A');
		loose.response_format.json_schema.schema = { ...schema, required: ['title'] };
		await refused(client.chat.completions.create(loose), OpenAI.BadRequestError,
			{ status: 400, param: 'response_format' });
	},
	'a chat completion, in three tiers': async () => {
		for (const [asked, billed] of [['flex', 'flex'], ['default', 'default'], ['auto', 'default']]) {
			const answer = await client.chat.completions.create(request('Title: A', { service_tier: asked }));
			assert.equal(answer.service_tier, billed);
			assert.equal(answer.choices[0].finish_reason, 'stop');
			assert.equal(JSON.parse(answer.choices[0].message.content).title, 'A');
			const { usage } = answer;
			assert.ok(usage.prompt_tokens > 765);
			assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
		}
	},
	'an answer that is too long is cut': async () => {
		const answer = await client.chat.completions.create(
			request('Title: A rather long title of a lot', { max_completion_tokens: 5 }));
		assert.equal(answer.choices[0].finish_reason, 'length');
		assert.throws(() => JSON.parse(answer.choices[0].message.content));
	},
	'models': async () => {
		const names = [];
		for await (const model of client.models.list())
			names.push(model.id);
		assert.ok(names.includes('gpt-5-mini'));
	},
};

let number = 0;
let failures = 0;
process.stdout.write(`TAP version 13\n1..${Object.keys(tests).length}\n`);
for (const [name, test] of Object.entries(tests)) {
	number++;
	try {
		await test();
		process.stdout.write(`ok ${number} - ${name}\n`);
	} catch (error) {
		failures++;
		process.stdout.write(`not ok ${number} - ${name}\n`);
		process.stdout.write(String(error.stack).replace(/^/gm, '# ') + '\n');
	}
}
process.exitCode = failures ? 1 : 0;

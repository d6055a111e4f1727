// SPDX-License-Identifier: Apache-2.0
// COMPAT sections 1 to 5, seen through the real openai Node client. Whoever starts it gives WEIR_BASE and
// WEIR_UPSTREAM (harness.py makes both) and OPENAI_HOME, the folder where the pinned client is installed.
import assert from 'node:assert/strict';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const module = path.join(process.env.OPENAI_HOME, 'node_modules/openai/index.mjs');
const { default: OpenAI } = await import(pathToFileURL(module));
const BASE = process.env.WEIR_BASE;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const HI = [{ role: 'user', content: 'hi' }];
const LAMP = {
  type: 'function',
  function: {
    name: 'set_lamp',
    description: 'Switches a lamp',
    parameters: {
      type: 'object',
      properties: { state: { type: 'string', enum: ['on', 'off'] } },
      required: ['state'],
      additionalProperties: false,
    },
  },
};
const SCHEMA = {
  type: 'json_schema',
  json_schema: {
    name: 'verdict',
    strict: true,
    schema: {
      type: 'object',
      properties: { good: { type: 'boolean' } },
      required: ['good'],
      additionalProperties: false,
    },
  },
};
const client = new OpenAI({ baseURL: BASE + '/v1', apiKey: 'x', maxRetries: 0, timeout: 60000 });
const ask = (model, more = {}, options = {}) =>
  client.chat.completions.create({ model, messages: HI, ...more }, options);
const seen = async () => (await fetch(process.env.WEIR_UPSTREAM + '/seen')).json();

async function fails(kind, promise) {
  try {
    await promise;
  } catch (e) {
    assert.ok(e instanceof kind, `${e?.constructor?.name}: ${e?.message}, not ${kind.name}`);
    return e;
  }
  assert.fail(`no ${kind.name}`);
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const text = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? '').join('');

const tests = {
  'models are listed and looked up': async () => {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    for (const id of ['auto', 'device', 'cloud']) assert.ok(ids.includes(id), `${id} in ${ids}`);
    assert.equal((await client.models.retrieve('device')).object, 'model');
    await fails(OpenAI.NotFoundError, client.models.retrieve('nope'));
  },
  'a whole answer is an object, not text': async () => {
    const a = await ask('device');
    assert.equal(typeof a, 'object');
    assert.equal(a.choices[0].message.content, ALPHABET);
    assert.equal(a.choices[0].finish_reason, 'stop');
    assert.equal(a.weir.tier, 'device');
    assert.equal(a._request_id, a.weir.id);
  },
  'the response and its headers': async () => {
    const { data, response, request_id } = await ask('device').withResponse();
    assert.equal(data.choices[0].message.content, ALPHABET);
    assert.equal(response.headers.get('x-weir-tier'), 'device');
    assert.ok(request_id?.startsWith('req_'), request_id);
  },
  'a stream, chunk by chunk': async () => {
    for (const [model, want] of [
      ['device', ALPHABET],
      ['cloud', 'The cloud says hello.'],
    ]) {
      const chunks = await collect(await ask(model, { stream: true }));
      assert.equal(text(chunks), want);
      assert.equal(chunks[0].choices[0].delta.role, 'assistant');
      const finishes = chunks.filter((c) => c.choices.length).map((c) => c.choices[0].finish_reason);
      assert.deepEqual(finishes, [...finishes.slice(1).map(() => null), 'stop']);
      assert.equal(new Set(chunks.map((c) => c.id)).size, 1);
    }
  },
  'usage in the last chunk when asked for': async () => {
    const chunks = await collect(await ask('cloud', { stream: true, stream_options: { include_usage: true } }));
    const last = chunks.at(-1);
    assert.deepEqual(last.choices, []);
    assert.equal(last.usage.prompt_tokens, 11);
    assert.ok(last.weir.id);
    assert.ok(chunks.slice(0, -1).every((c) => !c.usage && !c.weir));
  },
  'finalChatCompletion': async () => {
    for (const model of ['device', 'cloud']) {
      const runner = client.chat.completions.stream({ model, messages: HI });
      let seenText = '';
      runner.on('content', (delta) => (seenText += delta));
      const final = await runner.finalChatCompletion();
      assert.equal(final.choices[0].message.content, seenText);
      assert.equal(final.choices[0].finish_reason, 'stop');
    }
  },
  'tool calls streamed from the cloud': async () => {
    const runner = client.chat.completions.stream({ model: 'm-tools', messages: HI, tools: [LAMP] });
    const final = await runner.finalChatCompletion();
    const calls = final.choices[0].message.tool_calls;
    assert.deepEqual(calls.map((c) => [c.id, c.type, c.function.name]), [
      ['call_0', 'function', 'get_weather'],
      ['call_1', 'function', 'get_time'],
    ]);
    assert.equal(JSON.parse(calls[1].function.arguments).city, 'Oslo');
    assert.equal(final.choices[0].finish_reason, 'tool_calls');
  },
  'tool calls from the device, whole and streamed': async () => {
    const request = { tools: [LAMP], tool_choice: 'required', max_tokens: 200 };
    const a = await ask('device', request);
    assert.ok(['on', 'off'].includes(JSON.parse(a.choices[0].message.tool_calls[0].function.arguments).state));
    const final = await client.chat.completions
      .stream({ model: 'device', messages: HI, ...request })
      .finalChatCompletion();
    assert.equal(final.choices[0].message.tool_calls[0].function.name, 'set_lamp');
  },
  'runTools calls the function': async () => {
    let called = 0;
    const runner = client.chat.completions.runTools(
      {
        model: 'm-tools',
        messages: HI,
        tools: ['get_weather', 'get_time'].map((name) => ({
          type: 'function',
          function: { name, parameters: {}, parse: JSON.parse, function: () => (called++, 'sunny') },
        })),
      },
      { maxChatCompletions: 1 },
    );
    await runner.done();
    assert.equal(called, 2);
  },
  'a schema is kept, parse reads it': async () => {
    const a = await client.chat.completions.parse({
      model: 'device', messages: HI, response_format: SCHEMA, max_tokens: 200,
    });
    assert.equal(typeof JSON.parse(a.choices[0].message.content).good, 'boolean');
  },
  'too few tokens end with length': async () => {
    const a = await ask('device', { max_completion_tokens: 3 });
    assert.deepEqual([a.choices[0].message.content, a.choices[0].finish_reason], ['ABC', 'length']);
  },
  'several choices and logprobs': async () => {
    const a = await ask('device', { n: 2, logprobs: true, top_logprobs: 1 });
    assert.deepEqual(a.choices.map((c) => c.index), [0, 1]);
    assert.ok(a.choices.every((c) => c.logprobs.content.length >= 26));
  },
  'errors have class, code and request id': async () => {
    const e = await fails(OpenAI.NotFoundError, ask('nope'));
    assert.equal(e.code, 'model_not_found');
    assert.ok(e.requestID);
    const bad = await fails(OpenAI.BadRequestError, ask('device', { temperature: -1 }));
    assert.equal(bad.param, 'temperature');
    const rate = await fails(OpenAI.RateLimitError, ask('m-429', {}, { headers: { 'X-Weir-Mode': 'only_in_cloud' } }));
    assert.equal(rate.headers.get('retry-after'), '7');
    await fails(OpenAI.InternalServerError, ask('m-401', {}, { headers: { 'X-Weir-Mode': 'only_in_cloud' } }));
  },
  'a cut provider raises and never ends cleanly': async () => {
    const headers = { 'X-Weir-Mode': 'only_in_cloud' };
    await fails(OpenAI.APIError, (async () => collect(await ask('m-cut', { stream: true }, { headers })))());
  },
  'aborting closes the provider': async () => {
    const before = (await seen()).left;
    const controller = new AbortController();
    const stream = await ask('m-slow', { stream: true }, { signal: controller.signal });
    let n = 0;
    for await (const _ of stream) {
      if (++n === 3) controller.abort();
    }
    for (let i = 0; i < 100 && (await seen()).left === before; i++) await new Promise((r) => setTimeout(r, 50));
    assert.ok((await seen()).left > before, 'the provider never saw the client leave');
    const late = new AbortController();
    setTimeout(() => late.abort(), 200);
    await fails(OpenAI.APIUserAbortError, ask('m-slow', {}, { signal: late.signal }));
  },
  'many at once': async () => {
    const answers = await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        i % 2 ? ask('device') : ask('cloud', { stream: true }).then(collect)),
    );
    answers.forEach((a, i) =>
      i % 2
        ? assert.equal(a.choices[0].message.content, ALPHABET)
        : assert.equal(text(a), 'The cloud says hello.'));
  },
  'personal data is restored inside the stream': async () => {
    const content = 'please call Ada at ada.lovelace@example.org';
    const chunks = await collect(await ask('m-echo', { stream: true, messages: [{ role: 'user', content }] }));
    assert.equal(text(chunks), content);
    assert.ok(!JSON.stringify((await seen()).bodies).includes('ada.lovelace'));
  },
  'old completions': async () => {
    const a = await client.completions.create({ model: 'device', prompt: 'hi', max_tokens: 4 });
    assert.ok(a.choices[0].text.length > 0);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) continue;
  try {
    await test();
    console.log(`ok openai node - ${name}`);
  } catch (e) {
    failed++;
    console.log(`not ok openai node - ${name}: ${String(e.message).slice(0, 500).replaceAll('\n', ' ')}`);
  }
}
process.exit(failed ? 1 : 0);

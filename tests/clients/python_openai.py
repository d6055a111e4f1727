# SPDX-License-Identifier: Apache-2.0
"""COMPAT sections 1 to 5, seen through the real openai Python client."""
import asyncio
import json
import sys
import time

import openai
import pydantic
from openai import AsyncOpenAI, OpenAI

from harness import ALPHABET, raw_http, run_tests, weir_server

HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {
    "name": "set_lamp", "description": "Switches a lamp", "strict": True,
    "parameters": {"type": "object", "properties": {"state": {"type": "string", "enum": ["on", "off"]}},
                   "required": ["state"], "additionalProperties": False}}}
BASE = PROVIDER = None
client = None


class Verdict(pydantic.BaseModel):
    good: bool
    colour: str = pydantic.Field(json_schema_extra={"enum": ["red", "green"]})


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(a, b, what=""):
    check(a == b, f"{what}: {a!r} is not {b!r}")


def fails(kind, call):
    try:
        answer = call()
    except kind as e:
        return e
    raise AssertionError(f"no {kind.__name__}, but {str(answer)[:200]}")


def ask(model="device", messages=HI, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def seen():
    return json.loads(raw_http(PROVIDER, "GET", "/seen")[2])


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def receipt(request_id):
    for _ in range(50):
        status, _, body = raw_http(BASE, "GET", "/weir/v1/receipts/" + request_id)
        if status == 200 and json.loads(body).get("outcome"):
            return json.loads(body)
        time.sleep(0.05)
    raise AssertionError(f"no receipt for {request_id}: {status} {body[:200]}")


# --- models -----------------------------------------------------------------------------------------------------

def models_are_listed_with_all_four_fields():
    data = client.models.list().data
    ids = [m.id for m in data]
    for name in ("auto", "device", "cloud", "m-echo"):
        check(name in ids, f"{name} in {ids}")
    for m in data:
        check(m.object == "model" and isinstance(m.created, int) and m.owned_by, str(m))


def one_model_can_be_looked_up_and_an_unknown_one_is_404():
    equal(client.models.retrieve("device").id, "device")
    e = fails(openai.NotFoundError, lambda: client.models.retrieve("no/such:model"))
    equal(e.code, "model_not_found")


# --- whole answers ----------------------------------------------------------------------------------------------

def a_whole_answer_from_the_device():
    a = ask()
    equal(a.choices[0].message.content, ALPHABET)
    equal(a.choices[0].message.role, "assistant")
    equal(a.choices[0].finish_reason, "stop")
    equal(a.object, "chat.completion")
    check(a.id and a.created > 1600000000 and a.model, str(a))
    check(a.usage.prompt_tokens > 0 and a.usage.total_tokens == a.usage.prompt_tokens + a.usage.completion_tokens,
          str(a.usage))
    weir = a.model_extra["weir"]
    equal((weir["tier"], weir["backend"], weir["outcome"]), ("device", "device", "ok"))
    equal(weir["id"], a._request_id, "X-Request-Id is the receipt")
    check("rules" not in weir, "the body's receipt has no rules")


def auto_is_routed_and_an_alias_too():
    equal(ask("auto").choices[0].message.content, ALPHABET)
    a = ask("gpt-4o-mini")
    equal(a.choices[0].message.content, ALPHABET, "threshold 0 keeps it home")
    check(a.model != "gpt-4o-mini", f"the body names what answered: {a.model}")


def a_whole_answer_from_the_cloud_with_usage_and_cost():
    a = ask("cloud")
    equal(a.choices[0].message.content, "The cloud says hello.")
    equal((a.usage.prompt_tokens, a.usage.completion_tokens), (11, 7))
    equal(a.usage.prompt_tokens_details.cached_tokens, 3)
    weir = a.model_extra["weir"]
    equal(weir["tier"], "cloud")
    check(abs(weir["cost_usd"] - (11e-6 + 14e-6)) < 4e-6, f"cost {weir['cost_usd']}")


def missing_usage_is_not_zero():
    weir = ask("m-nousage").model_extra["weir"]
    leg = weir["legs"][0]
    check(leg["output_tokens"] is None or leg.get("estimated") is True, str(leg))


def max_tokens_in_both_spellings_end_with_length():
    for name in ("max_tokens", "max_completion_tokens"):
        a = ask(**{name: 3})
        equal((a.choices[0].message.content, a.choices[0].finish_reason), ("ABC", "length"), name)
        equal(a.usage.completion_tokens, 3, name)


def stop_as_string_and_array_also_across_tokens():
    equal(ask(stop="D").choices[0].message.content, "ABC")
    a = ask(stop=["XY", "KLM"])
    equal((a.choices[0].message.content, a.choices[0].finish_reason), ("ABCDEFGHIJ", "stop"))
    chunks = list(ask(stop=["KLM"], stream=True))
    equal(text_of(chunks), "ABCDEFGHIJ")


def several_choices():
    a = ask(n=2)
    equal([c.index for c in a.choices], [0, 1])
    equal([c.message.content for c in a.choices], [ALPHABET] * 2)
    texts = {0: "", 1: ""}
    finishes = {}
    for chunk in ask(n=2, stream=True):
        for c in chunk.choices:
            texts[c.index] += c.delta.content or ""
            if c.finish_reason:
                finishes[c.index] = c.finish_reason
    equal((texts, finishes), ({0: ALPHABET, 1: ALPHABET}, {0: "stop", 1: "stop"}))


def logprobs_whole_and_streamed():
    def look(items):
        check(len(items) >= 26, f"{len(items)} tokens")
        for t in items:
            check(t.logprob <= 1e-6 and isinstance(t.token, str), str(t))
            equal(len(t.top_logprobs), 2)
            check(bytes(t.bytes).decode() == t.token, str(t))
        equal("".join(t.token for t in items)[:26], ALPHABET)
    look(ask(logprobs=True, top_logprobs=2).choices[0].logprobs.content)
    items = []
    for chunk in ask(logprobs=True, top_logprobs=2, stream=True):
        if chunk.choices and chunk.choices[0].logprobs:
            items += chunk.choices[0].logprobs.content or []
    look(items)


def the_same_seed_gives_the_same_answer():
    a, b = (ask(seed=7, temperature=1.5, max_tokens=20).choices[0].message.content for _ in range(2))
    equal(a, b)


def json_schema_and_parse():
    a = client.chat.completions.parse(model="device", messages=HI, response_format=Verdict, max_tokens=200)
    check(isinstance(a.choices[0].message.parsed, Verdict), str(a.choices[0].message))
    schema = {"type": "object", "properties": {"answer": {"enum": ["yes", "no"]}}, "required": ["answer"],
              "additionalProperties": False}
    a = ask(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": True}},
            max_tokens=200)
    check(json.loads(a.choices[0].message.content)["answer"] in ("yes", "no"), a.choices[0].message.content)


def too_few_tokens_for_a_schema_raise_length_finish_reason_error():
    e = fails(openai.LengthFinishReasonError, lambda: client.chat.completions.parse(
        model="device", messages=HI, response_format=Verdict, max_tokens=2))
    check(e.completion.choices[0].finish_reason == "length", str(e))


def tools_on_the_device():
    for choice in ("required", {"type": "function", "function": {"name": "set_lamp"}}):
        a = ask(tools=[TOOL], tool_choice=choice, max_tokens=200)
        equal(a.choices[0].finish_reason, "tool_calls")
        call = a.choices[0].message.tool_calls[0]
        equal((call.type, call.function.name), ("function", "set_lamp"))
        check(json.loads(call.function.arguments)["state"] in ("on", "off"), call.function.arguments)
        check(call.id, "a call has an id")


def tools_streamed_from_the_device():
    with client.chat.completions.stream(model="device", messages=HI, tools=[TOOL], tool_choice="required",
                                        max_tokens=200) as s:
        final = s.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    equal((final.choices[0].finish_reason, call.function.name), ("tool_calls", "set_lamp"))
    check(call.function.parsed_arguments["state"] in ("on", "off"), str(call))


def tools_streamed_from_the_cloud_keep_index_and_send_ids_once():
    ids, names, arguments, finish = {}, {}, {}, None
    for chunk in ask("m-tools", tools=[TOOL], stream=True):
        for c in chunk.choices:
            finish = c.finish_reason or finish
            for t in c.delta.tool_calls or []:
                check(isinstance(t.index, int), "index on every delta")
                check(not (c.delta.content and t), "text and a call in one delta")
                if t.id:
                    ids.setdefault(t.index, []).append(t.id)
                    equal(t.type, "function")
                if t.function.name:
                    names.setdefault(t.index, []).append(t.function.name)
                arguments[t.index] = arguments.get(t.index, "") + (t.function.arguments or "")
    equal(ids, {0: ["call_0"], 1: ["call_1"]})
    equal(names, {0: ["get_weather"], 1: ["get_time"]})
    equal([json.loads(a)["city"] for a in arguments.values()], ["Oslo", "Oslo"])
    equal(finish, "tool_calls")
    a = ask("m-tools", tools=[TOOL])
    equal((len(a.choices[0].message.tool_calls), a.choices[0].finish_reason), (2, "tool_calls"))


def reasoning_passes():
    a = ask("m-reason")
    extra = a.choices[0].message.model_extra
    equal(extra.get("reasoning_content") or extra.get("reasoning"), "Let me think.")
    equal(a.choices[0].message.content, "42")


# --- streams ----------------------------------------------------------------------------------------------------

def a_stream_from_the_device():
    chunks = list(ask(stream=True))
    equal(text_of(chunks), ALPHABET)
    equal(len({c.id for c in chunks}), 1, "one id")
    equal(chunks[0].choices[0].delta.role, "assistant")
    finishes = [c.choices[0].finish_reason for c in chunks if c.choices]
    equal(finishes, [None] * (len(finishes) - 1) + ["stop"])
    check(all(c.choices for c in chunks), "no usage chunk when nobody asked")
    check(all(c.object == "chat.completion.chunk" for c in chunks), "object")


def usage_comes_last_with_empty_choices_when_asked_for():
    for model in ("device", "cloud"):
        chunks = list(ask(model, stream=True, stream_options={"include_usage": True}))
        equal(chunks[-1].choices, [], model)
        check(chunks[-1].usage.completion_tokens > 0, model)
        check(all(c.usage is None for c in chunks[:-1]), model)


def exactly_one_chunk_carries_the_receipt():
    for options in ({}, {"stream_options": {"include_usage": True}}):
        for model in ("device", "cloud"):
            chunks = list(ask(model, stream=True, **options))
            with_weir = [i for i, c in enumerate(chunks) if (c.model_extra or {}).get("weir")]
            equal(with_weir, [len(chunks) - 1], f"{model} {options}")


def the_bytes_of_a_stream_are_what_every_decoder_takes():
    for model in ("device", "cloud"):
        body = {"model": model, "messages": HI, "stream": True}
        status, headers, data = raw_http(BASE, "POST", "/v1/chat/completions", body)
        equal(status, 200)
        check(headers["content-type"].startswith("text/event-stream"), headers["content-type"])
        equal(headers.get("cache-control"), "no-cache")
        equal(headers.get("x-accel-buffering"), "no")
        check("content-encoding" not in headers, "no compression")
        check(data.endswith(b"\n\ndata: [DONE]\n\n"), repr(data[-60:]))
        for event in data.decode().split("\n\n")[:-1]:
            check(event.startswith("data: ") or event.startswith(": "), event)
            check("\n" not in event, f"one line an event: {event}")
            if event.startswith("data: {"):
                for choice in json.loads(event[6:])["choices"]:
                    check("finish_reason" in choice, "finish_reason is present, null until the end")


def the_stream_helper_gives_the_final_completion():
    with client.chat.completions.stream(model="device", messages=HI) as s:
        kinds = {event.type for event in s}
        final = s.get_final_completion()
    equal(final.choices[0].message.content, ALPHABET)
    check("content.delta" in kinds and "content.done" in kinds, str(kinds))


def a_cut_provider_never_ends_cleanly():
    def read():
        return list(ask("m-cut", stream=True, extra_headers={"X-Weir-Mode": "only_in_cloud"}))
    fails(openai.APIError, read)
    status, _, data = raw_http(BASE, "POST", "/v1/chat/completions", {"model": "m-cut", "messages": HI, "stream": True},
                               {"X-Weir-Mode": "only_in_cloud"})
    check(b"[DONE]" not in data, repr(data[-300:]))
    check(status != 200 or b'"error"' in data, repr(data[-300:]))


def leaving_a_stream_closes_the_provider_and_is_on_the_receipt():
    before = seen()["left"]
    stream = ask("m-slow", stream=True)
    for i, chunk in enumerate(stream):
        if i == 3:
            break
    request_id = stream.response.headers["x-request-id"]
    stream.close()
    deadline = time.monotonic() + 5
    while seen()["left"] == before and time.monotonic() < deadline:
        time.sleep(0.02)
    check(seen()["left"] > before, "the provider never saw the client leave")
    equal(receipt(request_id)["outcome"], "cancelled")


# --- the request's side -----------------------------------------------------------------------------------------

def unknown_fields_reach_the_provider_and_the_weir_object_does_not():
    ask("m-echo", extra_body={"foo": {"bar": [1, 2.5]}, "weir": {"privacy": "redact"}}, user="u-1",
        metadata={"a": "b"}, reasoning_effort="low", store=True, service_tier="auto", parallel_tool_calls=True,
        seed=3, tools=[TOOL])
    body = seen()["bodies"][-1]
    equal(body["foo"], {"bar": [1, 2.5]})
    equal((body["user"], body["metadata"], body["reasoning_effort"]), ("u-1", {"a": "b"}, "low"))
    check("weir" not in body, "the weir object stays here")
    equal(body["stream_options"]["include_usage"], True, "usage is always asked for")


def every_shape_of_message_is_taken():
    messages = [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "set_lamp", "arguments": '{"state":"on"}'}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
        {"role": "user", "content": "and now?"},
    ]
    for model in ("device", "m-echo"):
        a = ask(model, messages, tools=[TOOL], tool_choice="none")
        check(a.choices[0].message.content, model)


def both_paths_and_a_trailing_slash():
    for base in (BASE, BASE + "/v1/"):
        other = OpenAI(base_url=base, api_key="x", max_retries=0)
        equal(other.chat.completions.create(model="device", messages=HI).choices[0].message.content, ALPHABET, base)
    status, _, _ = raw_http(BASE, "POST", "/v1/chat/completions/", {"model": "device", "messages": HI})
    equal(status, 200)


def old_completions():
    a = client.completions.create(model="device", prompt="hi", max_tokens=5)
    check(len(a.choices[0].text) > 0, str(a))
    equal(a.object, "text_completion")
    chunks = list(client.completions.create(model="device", prompt="hi", max_tokens=5, stream=True))
    check("".join(c.choices[0].text for c in chunks if c.choices), "streamed text")


def personal_data_is_replaced_on_the_way_and_restored_in_the_answer():
    secret = "write to jane.roe@example.com today"
    messages = [{"role": "user", "content": secret}]
    a = ask("m-echo", messages)
    sent = json.dumps(seen()["bodies"][-1])
    check("jane.roe" not in sent, sent)
    equal(a.choices[0].message.content, secret)
    equal(text_of(ask("m-echo", messages, stream=True)), secret, "streamed, split every three bytes")
    check(a.model_extra["weir"]["redacted"] >= 1, str(a.model_extra["weir"]["redacted"]))


# --- headers, modes, errors -------------------------------------------------------------------------------------

def headers_say_who_answered():
    raw = client.chat.completions.with_raw_response.create(
        model="device", messages=HI, extra_headers={"X-Client-Request-Id": "mine-1"})
    for name in ("x-request-id", "x-weir-tier", "x-weir-backend", "x-weir-model", "x-weir-strategy",
                 "x-weir-reason", "x-weir-redacted", "x-weir-overhead-us"):
        check(raw.headers.get(name) is not None, f"{name} in {dict(raw.headers)}")
    equal(raw.headers.get("x-client-request-id"), "mine-1")
    equal(raw.headers["x-weir-tier"], "device")
    equal(raw.parse().choices[0].message.content, ALPHABET)
    with client.chat.completions.with_streaming_response.create(model="cloud", messages=HI, stream=True) as r:
        for name in ("x-request-id", "x-weir-tier", "x-weir-backend", "x-weir-model", "x-weir-strategy",
                     "x-weir-reason", "x-weir-redacted"):
            check(r.headers.get(name) is not None, f"{name} in {dict(r.headers)}")
        equal(r.headers["x-weir-tier"], "cloud")
        check(b"[DONE]" in r.read(), "whole stream")


def modes_force_a_tier_and_only_on_device_sends_nothing():
    equal(ask("auto", extra_headers={"X-Weir-Mode": "only_in_cloud"}).model_extra["weir"]["tier"], "cloud")
    before = len(seen()["bodies"])
    equal(ask("auto", extra_body={"weir": {"mode": "only_on_device"}}).model_extra["weir"]["tier"], "device")
    equal(len(seen()["bodies"]), before, "requests to the provider")


def an_unknown_model_is_404():
    e = fails(openai.NotFoundError, lambda: ask("gpt5-nope/x"))
    equal(e.code, "model_not_found")
    check(e.request_id and e.type is not None, str(e.body))
    check(set(e.body) >= {"message", "type", "param", "code"}, str(e.body))


def bad_values_are_400_and_name_the_field():
    cases = [
        ({"temperature": -1}, "temperature"), ({"temperature": "hot"}, "temperature"), ({"top_p": 7}, "top_p"),
        ({"max_tokens": -3}, "max_tokens"), ({"n": 0}, "n"), ({"n": "two"}, "n"), ({"stop": 5}, "stop"),
        ({"messages": []}, "messages"), ({"messages": "hi"}, "messages"), ({"stream": "yes"}, "stream"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "role"), ({"logprobs": 3}, "logprobs"),
        ({"tools": {}}, "tools"), ({"response_format": {"type": "xml"}}, "response_format"),
        ({"weir": {"mode": "maybe"}}, "mode"),
    ]
    for change, field in cases:
        body = {"model": "device", "messages": HI, **change}
        status, headers, data = raw_http(BASE, "POST", "/v1/chat/completions", body)
        equal(status, 400, f"{change} {data[:200]}")
        error = json.loads(data)["error"]
        check(field in str(error["param"]) or field in error["message"], f"{change}: {error}")
        check(headers.get("x-request-id"), "x-request-id on an error")
    e = fails(openai.BadRequestError, lambda: ask(extra_headers={"X-Weir-Mode": "sometimes"}))
    check("prefer_on_device" in e.message, "an unknown mode's error names the allowed ones: " + e.message)
    status, _, data = raw_http(BASE, "POST", "/v1/chat/completions", b'{"model": "device", "messages": [')
    equal(status, 400)


def a_prompt_that_does_not_fit_is_context_length_exceeded():
    e = fails(openai.BadRequestError, lambda: ask(
        messages=[{"role": "user", "content": "long " * 3000}], extra_headers={"X-Weir-Mode": "only_on_device"}))
    equal(e.code, "context_length_exceeded")


def provider_failures_get_the_right_class():
    only = {"extra_headers": {"X-Weir-Mode": "only_in_cloud"}}
    e = fails(openai.RateLimitError, lambda: ask("m-429", **only))
    equal(e.response.headers.get("retry-after"), "7")
    e = fails(openai.InternalServerError, lambda: ask("m-401", **only))
    check(e.status_code in (502, 503), f"a provider's 401 is not the client's: {e.status_code}")
    e = fails(openai.InternalServerError, lambda: ask("m-500", **only))
    equal((e.status_code, e.code), (502, "upstream_failed"))
    e = fails(openai.InternalServerError, lambda: ask("m-html", **only))
    equal(e.status_code, 502)
    check("127.0.0.1" not in str(e.body) and "<html" not in str(e.body), str(e.body))


def loosening_privacy_is_refused():
    e = fails(openai.PermissionDeniedError, lambda: ask(extra_headers={"X-Weir-Privacy": "open"}))
    equal(e.code, "policy_forbids")


def unknown_paths_and_methods_are_json():
    for method, path, want in (("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405)):
        status, headers, data = raw_http(BASE, method, path)
        equal(status, want, path)
        check(headers["content-type"].startswith("application/json") and headers.get("x-request-id"), str(headers))
        check(json.loads(data)["error"]["message"], path)


def an_empty_key_is_fine_without_auth():
    status, _, _ = raw_http(BASE, "GET", "/v1/models", headers={"Authorization": "Bearer "})
    equal(status, 200)


def browsers_on_this_machine_may_ask_others_may_not():
    ask_for = {"Access-Control-Request-Method": "POST",
               "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang,openai-beta"}
    status, headers, _ = raw_http(BASE, "OPTIONS", "/v1/chat/completions",
                                  headers={"Origin": "http://localhost:3000", **ask_for})
    check(status in (200, 204), status)
    equal(headers.get("access-control-allow-origin"), "http://localhost:3000")
    allowed = headers.get("access-control-allow-headers", "").lower()
    check("x-stainless-lang" in allowed or allowed == "*", allowed)
    for origin in ("null", "https://evil.example"):
        _, headers, _ = raw_http(BASE, "OPTIONS", "/v1/chat/completions", headers={"Origin": origin, **ask_for})
        check(headers.get("access-control-allow-origin") is None, f"{origin}: {headers}")
    status, _, _ = raw_http(BASE, "GET", "/v1/models", headers={"Host": "evil.example"})
    equal(status, 403, "a foreign Host (DNS rebinding)")


# --- many at once -----------------------------------------------------------------------------------------------

def async_clients_whole_and_streamed():
    async def one_stream(c, model):
        out = ""
        stream = await c.chat.completions.create(model=model, messages=HI, stream=True)
        async for chunk in stream:
            out += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        return out

    async def main():
        async with AsyncOpenAI(base_url=BASE + "/v1", api_key="x", max_retries=0) as c:
            whole = [c.chat.completions.create(model=m, messages=HI) for m in ("device", "cloud") * 5]
            streams = [one_stream(c, m) for m in ("device", "cloud") * 5]
            done = await asyncio.gather(*whole, *streams)
        for i, a in enumerate(done):
            text = a if isinstance(a, str) else a.choices[0].message.content
            equal(text, "The cloud says hello." if i % 2 else ALPHABET)
    asyncio.run(main())


def a_cancelled_task_leaves_the_server_whole():
    async def main():
        async with AsyncOpenAI(base_url=BASE + "/v1", api_key="x", max_retries=0) as c:
            task = asyncio.create_task(c.chat.completions.create(model="m-slow", messages=HI))
            await asyncio.sleep(0.3)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
    asyncio.run(main())
    equal(ask().choices[0].message.content, ALPHABET)


def the_receipt_of_an_answer_can_be_read():
    r = receipt(ask("cloud")._request_id)
    equal((r["tier"], r["outcome"]), ("cloud", "ok"))
    check(r["rules"] is not None and r["legs"][0]["left_device_bytes"] > 50, str(r)[:300])


TESTS = [f for name, f in list(globals().items())
         if callable(f) and getattr(f, "__module__", "") == "__main__" and not isinstance(f, type)
         and name not in ("check", "equal", "fails", "ask", "seen", "text_of", "receipt")]

if __name__ == "__main__":
    with weir_server() as (BASE, PROVIDER, server):
        client = OpenAI(base_url=BASE + "/v1", api_key="x", max_retries=0, timeout=60)
        good = run_tests(TESTS, "openai python")
        if server.poll() is not None:
            good = False
            print(f"not ok openai python - the server ended by itself ({server.returncode})")
    sys.exit(0 if good else 1)

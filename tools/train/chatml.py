# SPDX-License-Identifier: Apache-2.0
"""The chat layout, twice: as the Jinja template that goes into the GGUF, and as
`segments`, which the trainer uses.  tests/models checks that they agree.

It is ChatML; tools stand in the system part as `name(parameter, ...): text`
(a JSON schema would cost a small model ten times the tokens), calls are written
as in Hermes 2 Pro and Qwen 2.5, so llama.cpp parses them."""
import json

TOOLS_HEAD = "# Tools\n"
TOOLS_FOOT = "Call: <tool_call>\n{\"name\": ..., \"arguments\": {...}}\n</tool_call>"

TEMPLATE = (
    "{%- if messages[0].role == 'system' %}{% set sys = messages[0].content %}{% else %}{% set sys = '' %}{% endif %}"
    "{%- if tools %}"
    "{{- '<|im_start|>system\\n' }}{% if sys %}{{ sys + '\\n\\n' }}{% endif %}{{ '# Tools\\n' }}"
    "{%- for tool in tools %}{% set f = tool.function if tool.function is defined else tool %}"
    "{{- f.name + '(' }}{% if f.parameters and f.parameters.properties %}{% for p in f.parameters.properties %}{{ p }}{% if not loop.last %}{{ ', ' }}{% endif %}{% endfor %}{% endif %}{{ ')' }}"
    "{%- if f.description %}{{ ': ' + f.description }}{% endif %}{{ '\\n' }}{% endfor %}"
    "{{- 'Call: <tool_call>\\n{\"name\": ..., \"arguments\": {...}}\\n</tool_call><|im_end|>\\n' }}"
    "{%- elif sys %}{{- '<|im_start|>system\\n' + sys + '<|im_end|>\\n' }}{%- endif %}"
    "{%- for m in messages %}"
    "{%- if m.role == 'user' or (m.role == 'system' and not loop.first) %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
    "{%- elif m.role == 'assistant' %}{{- '<|im_start|>assistant\\n' }}{% if m.content %}{{ m.content }}{% endif %}"
    "{%- for c in m.tool_calls or [] %}{% set c = c.function if c.function is defined else c %}{% if m.content or not loop.first %}{{ '\\n' }}{% endif %}"
    "{{- '<tool_call>\\n{\"name\": \"' + c.name + '\", \"arguments\": ' }}{{ c.arguments | tojson }}{{ '}\\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}"
    "{%- elif m.role == 'tool' %}{{- '<|im_start|>user\\n<tool_response>\\n' + m.content + '\\n</tool_response><|im_end|>\\n' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def tools_text(tools):
    lines = []
    for t in tools:
        f = t["function"]
        line = "%s(%s)" % (f["name"], ", ".join(f.get("parameters", {}).get("properties", {})))
        lines.append(line + (": " + f["description"] if f.get("description") else "") + "\n")
    return TOOLS_HEAD + "".join(lines) + TOOLS_FOOT


def segments(messages, tools=None):
    """[(text, learned)]: the whole chat, with the assistant's texts (and their ends) marked."""
    out, system = [], ""
    if messages[0]["role"] == "system":
        system, messages = messages[0]["content"], messages[1:]
    if tools:
        system = (system + "\n\n" if system else "") + tools_text(tools)
    text = "<|im_start|>system\n%s<|im_end|>\n" % system if system else ""
    for m in messages:
        if m["role"] == "assistant":
            out += [(text + "<|im_start|>assistant\n", False), (m["content"] + "<|im_end|>", True)]
            text = "\n"
        elif m["role"] == "tool":
            text += "<|im_start|>user\n<tool_response>\n%s\n</tool_response><|im_end|>\n" % m["content"]
        else:
            text += "<|im_start|>%s\n%s<|im_end|>\n" % (m["role"], m["content"])
    if text.strip():
        out.append((text + "<|im_start|>assistant\n", False))
    return out

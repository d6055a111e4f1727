/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common_chat_templates_apply() renders, derives a parser and a grammar, and
 * costs milliseconds each time. Most of it depends on tools and schema only, not
 * on the messages. So: plain requests to a template that does not think are
 * rendered directly; for others what was derived is kept by (tools, schema,
 * options) and only the prompt is rendered again. Both only after the direct way
 * has given the same prompt as the full one, and only for messages of plain text.
 *
 * A template that does not render tools would drop them without a word
 * (DECISIONS: Engine). Then the tools are described in a system text of ours, a
 * grammar makes the answer one JSON object, and it is parsed here.
 */
#include "chat_shim.h"

#include "chat-auto-parser.h"
#include "chat.h"
#include "json-schema-to-grammar.h"
#include "llama.h"
#include "log.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>

namespace {

void say(char *why, size_t room, const char *text)
{
    static const char raised[] =
        "Jinja Exception: "; /* what the template's author wrote, behind a page of context */
    if (const char *reason = std::strstr(text, raised)) {
        text = reason + sizeof raised - 1;
    }
    std::snprintf(why, room, "%s", text);
    for (char *c = why; *c; c++) {
        if (*c == '\n' || *c == '\r') {
            *c = ' ';
        }
    }
}

char *copy(const std::string &s)
{
    char *p = static_cast<char *>(std::malloc(s.size() + 1));
    if (!p) {
        std::abort();
    }
    std::memcpy(p, s.c_str(), s.size() + 1);
    return p;
}

chat_strings copy_all(const std::vector<std::string> &list)
{
    chat_strings out = {};
    if (!list.empty()) {
        out.items = static_cast<char **>(std::calloc(list.size(), sizeof(char *)));
        if (!out.items) {
            std::abort();
        }
        for (const auto &s : list) {
            out.items[out.count++] = copy(s);
        }
    }
    return out;
}

void free_all(chat_strings &s)
{
    for (size_t i = 0; i < s.count; i++) {
        std::free(s.items[i]);
    }
    std::free(s.items);
}

std::string call_id()
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static thread_local std::mt19937_64 rng{std::random_device{}()};
    std::string id = "call_";
    for (int i = 0; i < 24; i++) {
        id += letters[rng() % (sizeof letters - 1)];
    }
    return id;
}

/* How the answer's text is to be read. */
struct syntax {
    bool own_tools = false; /* {"tool_calls":[…]} or {"answer":"…"}, our fallback */
    common_chat_parser_params params;
};
typedef std::shared_ptr<const syntax> syntax_ptr;

void give_syntax(chat_prompt &out, const syntax_ptr &s)
{
    out.syntax = new syntax_ptr(s);
}

/* ---- requests ---- */

void set_tool_choice(common_chat_templates_inputs &in, const common_json &request)
{
    if (!request.contains("tool_choice") || request.at("tool_choice").is_null()) {
        return;
    }
    const common_json &choice = request.at("tool_choice");
    if (choice.is_string()) {
        in.tool_choice = common_chat_tool_choice_parse_oaicompat(choice.get<std::string>());
        return;
    }
    const std::string name = choice.at("function").at("name").get<std::string>();
    std::vector<common_chat_tool> only;
    for (const auto &tool : in.tools) {
        if (tool.name == name) {
            only.push_back(tool);
        }
    }
    if (only.empty()) {
        throw std::invalid_argument("tool_choice names \"" + name + "\", which is not in tools");
    }
    in.tools = only;
    in.tool_choice = COMMON_CHAT_TOOL_CHOICE_REQUIRED;
}

std::string schema_of(const common_json &request)
{
    if (!request.contains("response_format") || !request.at("response_format").is_object()) {
        return "";
    }
    const common_json &format = request.at("response_format");
    const std::string type = format.value("type", std::string("text"));
    common_json schema;
    if (type == "json_object") {
        schema = format.contains("schema") ? format.at("schema") : common_json::object();
    } else if (type == "json_schema") {
        schema = format.at("json_schema").contains("schema") ? format.at("json_schema").at("schema")
                                                             : common_json::object();
    } else if (type != "text") {
        throw std::invalid_argument(
            "response_format.type must be text, json_object or json_schema");
    } else {
        return "";
    }
    if (schema.is_object() && schema.empty()) {
        schema["type"] = "object";
    }
    return schema.dump();
}

void set_options(common_chat_templates_inputs &in, const common_json &request)
{
    if (request.contains("chat_template_kwargs") &&
        request.at("chat_template_kwargs").is_object()) {
        for (const auto &item : request.at("chat_template_kwargs").items()) {
            in.chat_template_kwargs[item.key()] = item.value().dump();
        }
        const auto thinking = in.chat_template_kwargs.find("enable_thinking");
        in.enable_thinking =
            thinking == in.chat_template_kwargs.end() || thinking->second != "false";
    }
    if (request.contains("reasoning_effort") && request.at("reasoning_effort").is_string()) {
        const common_json &effort = request.at("reasoning_effort");
        if (effort.get<std::string>() == "none") {
            in.enable_thinking = false;
        } else {
            in.chat_template_kwargs["reasoning_effort"] = effort.dump();
        }
    }
}

common_chat_templates_inputs read_request(const common_json &request)
{
    common_chat_templates_inputs in;
    in.messages = common_chat_msgs_parse_oaicompat(request.at("messages"));
    if (request.contains("tools") && request.at("tools").is_array()) {
        in.tools = common_chat_tools_parse_oaicompat(request.at("tools"));
    }
    set_tool_choice(in, request);
    in.json_schema = schema_of(request);
    /* Off unless asked for: with a grammar that allows a list, small models do not know when to stop. */
    in.parallel_tool_calls = request.value("parallel_tool_calls", false);
    in.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    in.use_jinja = true;
    set_options(in, request);
    return in;
}

/* ---- tools without the template's help ---- */

void describe_tools(common_chat_templates_inputs &in)
{
    std::string text = "You can call these functions:\n";
    for (const auto &tool : in.tools) {
        text += "{\"name\": " + common_json(tool.name).dump() +
                ", \"description\": " + common_json(tool.description).dump() +
                ", \"parameters\": " + tool.parameters + "}\n";
    }
    text +=
        "Answer with one JSON object. To call: {\"tool_calls\": [{\"name\": …, \"arguments\": {…}}]}.";
    if (in.tool_choice != COMMON_CHAT_TOOL_CHOICE_REQUIRED) {
        text += " To answer yourself: {\"answer\": \"…\"}.";
    }
    for (auto &message : in.messages) { /* their calls and results become plain text, too */
        for (const auto &call : message.tool_calls) {
            message.content += "{\"tool_calls\": [{\"name\": " + common_json(call.name).dump() +
                               ", \"arguments\": " + call.arguments + "}]}";
        }
        message.tool_calls.clear();
        if (message.role == "tool") {
            message.role = "user";
            message.content = "Result of the function: " + message.content;
        }
    }
    if (!in.messages.empty() && in.messages[0].role == "system") {
        in.messages[0].content += "\n\n" + text;
    } else {
        common_chat_msg system;
        system.role = "system";
        system.content = text;
        in.messages.insert(in.messages.begin(), system);
    }
}

std::string grammar_for_tools(const common_chat_templates_inputs &in)
{
    common_json calls = common_json::array();
    for (const auto &tool : in.tools) {
        common_json parameters =
            common_json::parse(tool.parameters.empty() ? "{}" : tool.parameters);
        if (!parameters.is_object() || parameters.empty()) {
            parameters = common_json::parse("{\"type\":\"object\",\"properties\":{}}");
        }
        common_json call = common_json::parse(
            "{\"type\":\"object\",\"properties\":{\"name\":{},\"arguments\":{}},\"required\":[\"name\",\"arguments\"]}");
        call["properties"]["name"]["const"] = tool.name;
        call["properties"]["arguments"] = parameters;
        calls.push_back(call);
    }
    common_json list = common_json::parse(
        "{\"type\":\"object\",\"properties\":{\"tool_calls\":{\"type\":\"array\","
        "\"minItems\":1}},\"required\":[\"tool_calls\"]}");
    list["properties"]["tool_calls"]["items"]["anyOf"] = calls;
    if (!in.parallel_tool_calls) {
        list["properties"]["tool_calls"]["maxItems"] = 1;
    }
    if (in.tool_choice == COMMON_CHAT_TOOL_CHOICE_REQUIRED) {
        return json_schema_to_grammar(list);
    }
    common_json either =
        common_json::parse("{\"anyOf\":[{\"type\":\"object\",\"properties\":{\"answer\":"
                           "{\"type\":\"string\"}},\"required\":[\"answer\"]}]}");
    either["anyOf"].push_back(list);
    return json_schema_to_grammar(either);
}

} // namespace

/* ---- rendering ---- */

struct chat {
    common_chat_templates_ptr templates;
    std::unique_ptr<common_chat_template>
        direct; /* set when rendering it alone gives the full way's prompt */
    bool add_bos = false, add_eos = false, tools = false;
    bool plain = false; /* the text of an answer needs no parser */

    struct derived {
        common_chat_params params;
        syntax_ptr how;
    };
    std::map<std::string, derived>
        known; /* what the full way derived, by everything but the messages */

    std::string render_direct(const common_chat_templates_inputs &in) const
    {
        autoparser::generation_params params;
        params.messages = common_json::array();
        for (common_chat_msg message : in.messages) {
            if (message.role == "developer") {
                message.role = "system";
            }
            params.messages.push_back(message.to_json_oaicompat(false));
        }
        params.tools = common_chat_tools_to_json_oaicompat(in.tools);
        params.add_generation_prompt = true;
        params.enable_thinking = in.enable_thinking;
        params.add_bos = add_bos;
        params.add_eos = add_eos;
        params.extra_context = common_json::object();
        return common_chat_template_direct_apply(*direct, params);
    }
};

namespace {

const size_t KNOWN_MAX = 64;

std::string piece_of(const llama_vocab *vocab, llama_token token)
{
    char buffer[256];
    int32_t n = token < 0 ? 0 : llama_token_to_piece(vocab, token, buffer, sizeof buffer, 0, true);
    return std::string(buffer, n > 0 ? static_cast<size_t>(n) : 0);
}

/* Whether rendering alone gives what the full way gives, tried once on a few turns. */
void try_direct(chat &c, const llama_model *model)
{
    const llama_vocab *vocab = llama_model_get_vocab(model);
    const std::string source = common_chat_templates_source(c.templates.get());
    common_chat_templates_inputs in;
    for (const char *role : {"system", "user", "assistant", "user"}) {
        common_chat_msg message;
        message.role = role;
        message.content = std::string("text of ") + role;
        in.messages.push_back(message);
    }
    in.reasoning_format = COMMON_REASONING_FORMAT_DEEPSEEK;
    in.add_bos = c.add_bos;
    in.add_eos = c.add_eos;
    const common_chat_params full = common_chat_templates_apply(c.templates.get(), in);
    c.plain = !full.supports_thinking && full.additional_stops.empty() && full.grammar.empty();
    for (const char *clock : {"strftime_now", "date_string", "datetime"}) {
        if (source.find(clock) != std::string::npos) {
            return;
        }
    }
    c.direct = std::make_unique<common_chat_template>(
        source, piece_of(vocab, llama_vocab_bos(vocab)), piece_of(vocab, llama_vocab_eos(vocab)));
    if (!c.direct->caps.supports_system_role || c.render_direct(in) != full.prompt) {
        c.direct.reset();
    }
}

void set_grammar(chat_prompt &out, const common_chat_params &params)
{
    if (params.grammar.empty()) {
        return;
    }
    out.grammar = copy(params.grammar);
    out.grammar_lazy = params.grammar_lazy;
    if (!params.grammar_lazy && !params.generation_prompt.empty()) {
        out.grammar_prefill = copy(params.generation_prompt);
    }
    std::vector<std::string> patterns;
    std::vector<llama_token> tokens;
    for (const auto &t : params.grammar_triggers) {
        if (t.type == COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN) {
            tokens.push_back(t.token);
        } else if (t.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
            std::string escaped;
            for (char ch : t.value) {
                if (std::strchr("\\^$.|?*+()[]{}", ch)) {
                    escaped += '\\';
                }
                escaped += ch;
            }
            patterns.push_back(escaped);
        } else if (t.type == COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL) {
            patterns.push_back("^" + t.value + "$");
        } else {
            patterns.push_back(t.value);
        }
    }
    out.trigger_patterns = copy_all(patterns);
    if (!tokens.empty()) {
        out.trigger_tokens = static_cast<int32_t *>(std::malloc(tokens.size() * sizeof(int32_t)));
        std::memcpy(out.trigger_tokens, tokens.data(), tokens.size() * sizeof(int32_t));
        out.trigger_tokens_count = tokens.size();
    }
}

void set_prompt(chat_prompt &out, const std::string &prompt)
{
    out.prompt = copy(prompt);
    out.prompt_len = prompt.size();
}

void set_derived(chat_prompt &out, const chat::derived &d)
{
    set_grammar(out, d.params);
    out.stops = copy_all(d.params.additional_stops);
    out.preserved = copy_all(d.params.preserved_tokens);
    give_syntax(out, d.how);
}

chat::derived derive(const common_chat_params &params, const common_chat_templates_inputs &in)
{
    auto s = std::make_shared<syntax>();
    s->params = common_chat_parser_params(params);
    s->params.reasoning_format = in.reasoning_format;
    s->params.parse_tool_calls =
        !in.tools.empty() && in.tool_choice != COMMON_CHAT_TOOL_CHOICE_NONE;
    if (!params.parser.empty()) {
        s->params.parser.load(params.parser);
    }
    return {params, s};
}

/* Nothing in the messages that the full way would change before it renders them. */
bool only_text(const common_chat_templates_inputs &in)
{
    for (const auto &m : in.messages) {
        if (!m.tool_calls.empty() || !m.content_parts.empty() || !m.reasoning_content.empty() ||
            m.role == "tool") {
            return false;
        }
    }
    return in.chat_template_kwargs.empty();
}

std::string known_key(const common_chat_templates_inputs &in)
{
    std::string key = in.json_schema + '\n' + std::to_string(in.tool_choice) +
                      std::to_string(in.parallel_tool_calls) + std::to_string(in.enable_thinking);
    for (const auto &tool : in.tools) {
        key += '\n' + tool.name + '\n' + tool.description + '\n' + tool.parameters;
    }
    return key;
}

void render_with_parser(chat &c, const common_chat_templates_inputs &in, chat_prompt &out)
{
    const bool direct = c.direct && only_text(in);
    const std::string key = direct ? known_key(in) : "";
    const auto found = direct ? c.known.find(key) : c.known.end();
    if (found != c.known.end()) {
        set_prompt(out, c.render_direct(in));
        set_derived(out, found->second);
        return;
    }
    const common_chat_params params = common_chat_templates_apply(c.templates.get(), in);
    chat::derived d = derive(params, in);
    if (!in.json_schema.empty() && params.grammar.empty()) { /* some handlers forget the schema */
        d.params.grammar = json_schema_to_grammar(common_json::parse(in.json_schema));
        d.params.grammar_lazy = false;
        d.params.generation_prompt.clear();
    }
    set_prompt(out, params.prompt);
    set_derived(out, d);
    if (direct && c.render_direct(in) == params.prompt) {
        if (c.known.size() >= KNOWN_MAX) {
            c.known.clear();
        }
        c.known.emplace(key, d);
    }
}

/* Some templates (Mistral's) insist on call ids of nine letters and digits; clients give back what they once got. */
void shorten_ids(common_chat_templates_inputs &in)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const auto shorten = [](std::string &id) {
        uint64_t hash = 14695981039346656037ull; /* FNV-1a */
        for (unsigned char ch : id) {
            hash = (hash ^ ch) * 1099511628211ull;
        }
        std::string short_id;
        for (int i = 0; i < 9; i++, hash /= 62) {
            short_id += letters[hash % 62];
        }
        id = id.empty() ? id : short_id;
    };
    for (auto &message : in.messages) {
        shorten(message.tool_call_id);
        for (auto &call : message.tool_calls) {
            shorten(call.id);
        }
    }
}

/* Our own form of tools, on a template that does not render any. */
void render_own_tools(chat &c, common_chat_templates_inputs &in, chat_prompt &out)
{
    if (!c.plain) {
        throw std::invalid_argument("the model's chat template does not take tools");
    }
    out.grammar = copy(grammar_for_tools(in));
    describe_tools(in);
    in.tools.clear();
    in.tool_choice = COMMON_CHAT_TOOL_CHOICE_AUTO;
    set_prompt(out, c.direct ? c.render_direct(in)
                             : common_chat_templates_apply(c.templates.get(), in).prompt);
    auto s = std::make_shared<syntax>();
    s->own_tools = true;
    give_syntax(out, s);
}

void render(chat &c, const common_json &request, chat_prompt &out)
{
    common_chat_templates_inputs in = read_request(request);
    in.add_bos = c.add_bos;
    in.add_eos = c.add_eos;
    const bool tools = !in.tools.empty() && in.tool_choice != COMMON_CHAT_TOOL_CHOICE_NONE;
    if (tools && !in.json_schema.empty()) {
        throw std::invalid_argument(
            "tools and response_format cannot be used together by a local model");
    }
    if (tools && !c.tools) {
        render_own_tools(c, in, out);
        return;
    }
    if (!tools && c.plain && c.direct && only_text(in)) {
        if (!in.json_schema.empty()) {
            out.grammar = copy(json_schema_to_grammar(common_json::parse(in.json_schema)));
        }
        set_prompt(out, c.render_direct(in));
        return;
    }
    try {
        render_with_parser(c, in, out);
    } catch (const std::exception &e) {
        if (!std::strstr(e.what(), "length 9")) {
            throw;
        }
        shorten_ids(in);
        render_with_parser(c, in, out);
    }
}

} // namespace

void chat_process_init(void)
{
    common_log_pause(common_log_main()); /* its lines may hold prompt text */
}

struct chat *chat_new(const struct llama_model *model, char *why, size_t why_room)
{
    try {
        auto c = std::make_unique<chat>();
        c->templates = common_chat_templates_init(model, "");
        const llama_vocab *vocab = llama_model_get_vocab(model);
        c->add_bos = llama_vocab_get_add_bos(vocab);
        c->add_eos = llama_vocab_get_add_eos(vocab);
        const auto caps = common_chat_templates_get_caps(c->templates.get());
        const auto tools = caps.find("supports_tools");
        c->tools = tools != caps.end() && tools->second;
        try_direct(*c, model);
        return c.release();
    } catch (const std::exception &e) {
        say(why, why_room, e.what());
    } catch (...) {
        say(why, why_room, "unknown error");
    }
    return nullptr;
}

void chat_free(struct chat *c)
{
    delete c;
}

bool chat_has_tools(const struct chat *c)
{
    return c->tools;
}

bool chat_can_tools(const struct chat *c)
{
    return c->tools || c->plain;
}

bool chat_render(struct chat *c, const char *json_text, size_t json_len, struct chat_prompt **out,
                 char *why, size_t why_room)
{
    chat_prompt *p = static_cast<chat_prompt *>(std::calloc(1, sizeof *p));
    if (!p) {
        std::abort();
    }
    try {
        render(*c, common_json::parse(std::string(json_text, json_len)), *p);
        *out = p;
        return true;
    } catch (const std::exception &e) {
        say(why, why_room, e.what());
    } catch (...) {
        say(why, why_room, "the chat template failed");
    }
    chat_prompt_free(p);
    return false;
}

void chat_prompt_free(struct chat_prompt *p)
{
    if (!p) {
        return;
    }
    std::free(p->prompt);
    std::free(p->grammar);
    std::free(p->grammar_prefill);
    std::free(p->trigger_tokens);
    free_all(p->trigger_patterns);
    free_all(p->stops);
    free_all(p->preserved);
    delete static_cast<syntax_ptr *>(p->syntax);
    std::free(p);
}

/* ---- grammars ---- */

struct llama_sampler *chat_grammar_new(const struct llama_vocab *vocab, const struct chat_prompt *p)
{
    llama_sampler *g = nullptr;
    try {
        if (p->grammar_lazy) {
            return llama_sampler_init_grammar_lazy_patterns(
                vocab, p->grammar, "root", const_cast<const char **>(p->trigger_patterns.items),
                p->trigger_patterns.count, p->trigger_tokens, p->trigger_tokens_count);
        }
        g = llama_sampler_init_grammar(vocab, p->grammar, "root");
        if (g && p->grammar_prefill) { /* the prompt's end already said it */
            for (llama_token token : common_tokenize(vocab, p->grammar_prefill, false, true)) {
                llama_sampler_accept(g, token);
            }
        }
        return g;
    } catch (...) {
        if (g) {
            llama_sampler_free(g);
        }
        return nullptr;
    }
}

bool chat_grammar_accept(struct llama_sampler *grammar, int32_t token)
{
    try {
        llama_sampler_accept(grammar, token);
        return true;
    } catch (...) {
        return false;
    }
}

/* ---- answers ---- */

struct chat_parser {
    syntax_ptr how;
    std::string text;
    common_chat_msg message; /* as last parsed */
    std::vector<std::string> ids;
    size_t content_shown = 0, reasoning_shown = 0;
    std::vector<size_t> arguments_shown;
    std::vector<bool> name_shown;
    size_t parsed_at = 0; /* text length of the last parse */
};

namespace {

struct piece_out {
    chat_piece_fn *fn;
    void *user;

    void text(chat_piece_kind kind, const std::string &s, size_t from) const
    {
        chat_piece piece = {kind, s.c_str() + from, s.size() - from, 0, nullptr, nullptr};
        fn(user, &piece);
    }
};

/* `complete`: this call; `final`: all of the answer. */
void show_call(chat_parser &p, size_t i, bool complete, bool final, const piece_out &out)
{
    const common_chat_tool_call &call = p.message.tool_calls[i];
    if (!p.name_shown[i] && (complete || !call.arguments.empty()) && !call.name.empty()) {
        chat_piece piece = {CHAT_TOOL,        "", 0, static_cast<int>(i), call.id.c_str(),
                            call.name.c_str()};
        out.fn(out.user, &piece);
        p.name_shown[i] = true;
    }
    if (p.name_shown[i] && call.arguments.size() > p.arguments_shown[i]) {
        const size_t from = p.arguments_shown[i];
        chat_piece piece = {CHAT_TOOL,
                            call.arguments.c_str() + from,
                            call.arguments.size() - from,
                            static_cast<int>(i),
                            nullptr,
                            nullptr};
        out.fn(out.user, &piece);
        p.arguments_shown[i] = call.arguments.size();
    } else if (p.name_shown[i] && final &&
               call.arguments.empty()) { /* clients parse what they get */
        chat_piece piece = {CHAT_TOOL, "{}", 2, static_cast<int>(i), nullptr, nullptr};
        out.fn(out.user, &piece);
    }
}

/* Shows what `p.message` has more than was shown. */
void show_news(chat_parser &p, bool final, const piece_out &out)
{
    common_chat_msg &m = p.message;
    if (m.reasoning_content.size() > p.reasoning_shown) {
        out.text(CHAT_REASONING, m.reasoning_content, p.reasoning_shown);
        p.reasoning_shown = m.reasoning_content.size();
    }
    if (m.content.size() > p.content_shown) {
        out.text(CHAT_TEXT, m.content, p.content_shown);
        p.content_shown = m.content.size();
    }
    m.set_tool_call_ids(p.ids, call_id);
    p.arguments_shown.resize(std::max(p.arguments_shown.size(), m.tool_calls.size()));
    p.name_shown.resize(std::max(p.name_shown.size(), m.tool_calls.size()));
    for (size_t i = 0; i < m.tool_calls.size(); i++) {
        show_call(p, i, final || i + 1 < m.tool_calls.size(), final, out);
    }
}

/* The parser takes a cut call for a call. */
bool calls_are_complete(const common_chat_msg &m)
{
    for (const auto &call : m.tool_calls) {
        const common_json arguments =
            common_json::parse_no_throw(call.arguments.empty() ? "{}" : call.arguments);
        if (call.name.empty() || arguments.is_discarded()) {
            return false;
        }
    }
    return true;
}

/* It also drops without a word what began like a call and is none. */
bool lost_something(const chat_parser &p)
{
    if (p.how->own_tools || !p.how->params.parse_tool_calls) {
        return false;
    }
    const common_chat_msg partial = common_chat_parse(p.text, true, p.how->params);
    const bool empty =
        p.message.empty() && p.text.find_first_not_of(" \n\t\r") != std::string::npos;
    return empty || partial.tool_calls.size() > p.message.tool_calls.size();
}

/* Our own form, complete. */
void parse_own(chat_parser &p)
{
    const common_json answer = common_json::parse(p.text);
    if (!answer.contains("tool_calls")) {
        p.message.content = answer.at("answer").get<std::string>();
        return;
    }
    for (const auto &item : answer.at("tool_calls")) {
        common_chat_tool_call call;
        call.name = item.at("name").get<std::string>();
        call.arguments = item.at("arguments").dump();
        p.message.tool_calls.push_back(call);
    }
}

} // namespace

struct chat_parser *chat_parser_new(const struct chat_prompt *prompt)
{
    if (!prompt->syntax) {
        return nullptr;
    }
    try {
        auto p = std::make_unique<chat_parser>();
        p->how = *static_cast<const syntax_ptr *>(prompt->syntax);
        return p.release();
    } catch (...) {
        return nullptr;
    }
}

void chat_parser_free(struct chat_parser *p)
{
    delete p;
}

void chat_parser_feed(struct chat_parser *p, const char *text, size_t len, chat_piece_fn *fn,
                      void *user)
{
    p->text.append(text, len);
    /* Each parse reads all of the text: on long answers not after every token. */
    if (p->how->own_tools || p->text.size() - p->parsed_at < p->text.size() / 256) {
        return;
    }
    p->parsed_at = p->text.size();
    try {
        common_chat_msg message = common_chat_parse(p->text, true, p->how->params);
        if (message.content.size() >= p->content_shown &&
            message.reasoning_content.size() >= p->reasoning_shown &&
            message.tool_calls.size() >= p->arguments_shown.size()) {
            p->message = message;
            show_news(*p, false, piece_out{fn, user});
        }
    } catch (...) { /* not yet to be understood */
    }
}

bool chat_parser_end(struct chat_parser *p, chat_piece_fn *fn, void *user)
{
    const piece_out out = {fn, user};
    bool complete = false;
    try {
        if (p->how->own_tools) {
            parse_own(*p);
        } else {
            p->message = common_chat_parse(p->text, false, p->how->params);
        }
        complete = calls_are_complete(p->message) && !lost_something(*p);
        show_news(*p, true, out);
    } catch (...) {
        complete = false;
    }
    const bool shown_nothing =
        p->content_shown == 0 && p->reasoning_shown == 0 && chat_parser_tool_calls(p) == 0;
    if (shown_nothing && !complete) {
        out.text(CHAT_TEXT, p->text, 0); /* what it is, rather than nothing */
    }
    return complete;
}

int chat_parser_tool_calls(const struct chat_parser *p)
{
    int shown = 0;
    for (bool name : p->name_shown) {
        shown += name;
    }
    return shown;
}

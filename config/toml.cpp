// toml++ (header-only, because Debian's compiled library exists with exceptions alone) to a C tree. Nothing is
// interpreted here.
#define TOML_EXCEPTIONS        0
#define TOML_HEADER_ONLY       1
#define TOML_ENABLE_FORMATTERS 0
// Arrays and inline tables inside each other; a policy needs 4. The parser and the destructor recurse.
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "config/toml.h"

namespace
{

// Dotted keys ("a.b.c = 1", "[a.b.c]") make a table for each dot and are not bounded by the parser.
constexpr unsigned max_dots_in_line = 64;

struct builder {
    struct pool *pool;
    const char *source;
    toml_error *error;
    int result;
};

span span_of(const builder &b, const toml::source_region &region)
{
    span s{};
    s.source = b.source;
    s.line = region.begin.line;
    s.column = region.begin.column;
    bool one_line = region.end.line == region.begin.line && region.end.column > region.begin.column;
    s.length = one_line ? region.end.column - region.begin.column : 1;
    return s;
}

void set_error(toml_error *error, span at, std::string_view text)
{
    error->span = at;
    std::snprintf(error->message, sizeof(error->message), "%.*s", static_cast<int>(text.size()), text.data());
}

const char *copy(builder &b, std::string_view text, span at)
{
    if (text.find('\0') != std::string_view::npos) {
        set_error(b.error, at, "text must not contain a NUL character");
        b.result = -EINVAL;
        return nullptr;
    }
    const char *made = pool_strndup(b.pool, text.data(), text.size());
    if (!made)
        b.result = -ENOMEM;
    return made;
}

value *convert(builder &b, const toml::node &node);

void convert_array(builder &b, value *made, const toml::array &array)
{
    for (auto &&item : array) {
        value *child = convert(b, item);
        if (!child)
            return;
        if (array_add(b.pool, made, child) < 0) {
            b.result = -ENOMEM;
            return;
        }
    }
}

void convert_table(builder &b, value *made, const toml::table &table)
{
    for (auto &&[key, item] : table) {
        span at = span_of(b, key.source());
        const char *name = copy(b, key.str(), at);
        value *child = name ? convert(b, item) : nullptr;
        if (!child)
            return;
        if (table_add(b.pool, made, name, at, child) < 0) {
            b.result = -ENOMEM;
            return;
        }
    }
}

value_kind kind_of(const toml::node &node)
{
    switch (node.type()) {
    case toml::node_type::string:
        return VALUE_STRING;
    case toml::node_type::integer:
        return VALUE_INTEGER;
    case toml::node_type::floating_point:
        return VALUE_FLOAT;
    case toml::node_type::boolean:
        return VALUE_BOOL;
    case toml::node_type::array:
        return VALUE_ARRAY;
    case toml::node_type::table:
        return VALUE_TABLE;
    default:
        return VALUE_TIME;
    }
}

value *convert(builder &b, const toml::node &node)
{
    value *made = value_new(b.pool, kind_of(node), span_of(b, node.source()));
    if (!made) {
        b.result = -ENOMEM;
        return nullptr;
    }
    switch (made->kind) {
    case VALUE_STRING:
        made->string = copy(b, node.as_string()->get(), made->span);
        break;
    case VALUE_INTEGER:
        made->integer = node.as_integer()->get();
        break;
    case VALUE_FLOAT:
        made->number = node.as_floating_point()->get();
        break;
    case VALUE_BOOL:
        made->boolean = node.as_boolean()->get();
        break;
    case VALUE_ARRAY:
        convert_array(b, made, *node.as_array());
        break;
    case VALUE_TABLE:
        convert_table(b, made, *node.as_table());
        break;
    case VALUE_TIME:
        break;
    }
    return b.result < 0 ? nullptr : made;
}

// Steps over a quoted string that starts at text[at]; a triple-quoted one may span lines.
size_t skip_string(std::string_view text, size_t at, uint32_t &line)
{
    char quote = text[at];
    bool triple = text.substr(at, 3) == std::string_view(quote == '"' ? "\"\"\"" : "'''");
    size_t width = triple ? 3 : 1;
    const std::string_view closing = text.substr(at, width);
    for (at += width; at < text.size(); at++) {
        if (text[at] == '\n') {
            if (!triple)
                return at;
            line++;
        }
        if (quote == '"' && text[at] == '\\') {
            at++;
            if (at < text.size() && text[at] == '\n')
                line++;
            continue;
        }
        if (text.substr(at, width) == closing) {
            at += width;
            // One or two quotes may stand right before the closing three (TOML 1.0, "Multi-line basic strings").
            for (int more = 0; triple && more < 2 && at < text.size() && text[at] == quote; more++)
                at++;
            return at;
        }
    }
    return at;
}

// The line that has too many dots outside strings and comments, or 0.
uint32_t find_deep_line(std::string_view text)
{
    uint32_t line = 1;
    unsigned dots = 0;
    for (size_t at = 0; at < text.size();) {
        char c = text[at];
        if (c == '"' || c == '\'') {
            at = skip_string(text, at, line);
            continue;
        }
        if (c == '#') {
            while (at < text.size() && text[at] != '\n')
                at++;
            continue;
        }
        if (c == '\n') {
            line++;
            dots = 0;
        } else if (c == '.' && ++dots > max_dots_in_line) {
            return line;
        }
        at++;
    }
    return 0;
}

} // namespace

extern "C" int toml_parse(value **ret_root, pool *pool, const char *source, const char *text, size_t size,
                          toml_error *ret_error)
{
    std::string_view view(text, size);
    *ret_error = toml_error{};
    if (uint32_t line = find_deep_line(view)) {
        set_error(ret_error, span{source, line, 1, 1}, "keys nest too deeply");
        ret_error->too_deep = true;
        return -EINVAL;
    }
    auto parsed = toml::parse(view);
    builder b{pool, source, ret_error, 0};
    if (!parsed) {
        const toml::parse_error &error = parsed.error();
        std::string message(error.description());
        if (!message.empty())
            message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
        set_error(ret_error, span_of(b, error.source()), message);
        return -EINVAL;
    }
    value *root = convert(b, parsed.table());
    if (!root)
        return b.result;
    *ret_root = root;
    return 0;
}

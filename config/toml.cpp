// toml++ (header-only, because Debian's compiled library exists with exceptions alone) to a C tree. Nothing is
// interpreted here.

// The library's assertions are stricter than the error handling behind them, as for "[ :": they must neither stop the
// program nor, as with NDEBUG, be what the optimiser assumes.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
#define TOML_EXCEPTIONS         0
#define TOML_HEADER_ONLY        1
#define TOML_ENABLE_FORMATTERS  0
// Arrays and inline tables inside each other; a policy needs 4. The parser and the destructor recurse.
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "config/toml.h"
#include "config/toml_guard.h"

namespace
{

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

} // namespace

extern "C" int toml_parse(value **ret_root, pool *pool, const char *source, const char *text, size_t size,
                          toml_error *ret_error)
{
    *ret_error = toml_error{};
    int error = toml_guard(source, text, size, ret_error);
    if (error < 0)
        return error;
    auto parsed = toml::parse(std::string_view(text, size));
    builder b{pool, source, ret_error, 0};
    if (!parsed) {
        const toml::parse_error &refusal = parsed.error();
        std::string message(refusal.description());
        if (!message.empty())
            message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
        set_error(ret_error, span_of(b, refusal.source()), message);
        return -EINVAL;
    }
    value *root = convert(b, parsed.table());
    if (!root)
        return b.result;
    *ret_root = root;
    return 0;
}

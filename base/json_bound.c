/* base/json_bound.c - brackets, commas and colons outside of strings, counted. */
#include "base/json_bound.h"

bool json_is_bounded(const char *text, size_t size, size_t depth_max, size_t values_max)
{
    size_t depth = 0;
    size_t values = 0;
    bool in_text = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_text) {
            i += c == '\\' ? 1 : 0;
            in_text = c != '"';
            continue;
        }
        in_text = c == '"';
        values += c == ',' || c == '{' || c == '[' || c == ':' ? 1 : 0;
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= (c == '}' || c == ']') && depth > 0 ? 1 : 0;
        if (depth > depth_max || values > values_max) {
            return false;
        }
    }
    return true;
}

/* config/dynamic_standby.c - what may stand in `standby_cluster`, and what it comes to.
 *
 * Unlike Patroni, which starts as a primary where the section says nothing that it can use, nobody
 * here guesses: whether a cluster takes writes hangs on it. */
#include "config/dynamic_standby.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLOT_MAX_BYTES 63
#define HOST_MAX_BYTES 250 /* of all of them (supervisor/act.h) */

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

bool dynamic_is_standby(const struct config_dynamic *dynamic)
{
    return is_set(dynamic->standby.host) || is_set(dynamic->standby.restore_command);
}

static void refuse(struct problems *problems, const struct tree_node *at, const char *path,
                   const char *why)
{
    problems_add(problems, PROBLEM_ERROR, &at->place, "standby_cluster%s: %s", path, why);
}

/* Hosts as a connection string of libpq takes them without quotes. */
static bool is_host(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%,/";
    size_t size = strlen(text);
    return size <= HOST_MAX_BYTES && strspn(text, allowed) == size && text[0] != ',' &&
           text[size - 1] != ',' && strstr(text, ",,") == NULL;
}

static bool is_slot(const char *text)
{
    size_t size = strlen(text);
    return size <= SLOT_MAX_BYTES && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

/* "5min", "300s", "0", 300000 */
static bool is_delay(const char *text)
{
    static const char *const units[] = {"", "us", "ms", "s", "min", "h", "d"};
    size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits + strspn(text + digits, " ");
    for (size_t i = 0; digits > 0 && digits < 10 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_values(const struct tree_node *at, const struct config_dynamic *d,
                         struct problems *problems)
{
    if (is_set(d->standby.host) && !is_host(d->standby.host)) {
        refuse(problems, at, ".host", "a host, or several with commas between them, is expected");
    }
    if (is_set(d->standby.slot) && !is_slot(d->standby.slot)) {
        refuse(problems, at, ".primary_slot_name",
               "no name of a slot; it is made of a to z, digits and underscores");
    }
    if (is_set(d->standby.delay) && !is_delay(d->standby.delay)) {
        refuse(problems, at, ".recovery_min_apply_delay", "a time is expected, as in 5min");
    }
}

void dynamic_check_standby(const struct tree_node *root, const struct config_dynamic *dynamic,
                           struct problems *problems)
{
    const struct tree_node *at = tree_get(root, "standby_cluster");
    if (at == NULL || tree_is_null(at)) {
        return;
    }
    if (at->kind != TREE_MAP) {
        refuse(problems, at, "", "has to be a map, as in {host: 10.0.0.9, port: 5432}");
        return;
    }
    if (at->count > 0 && !dynamic_is_standby(dynamic)) {
        refuse(problems, at, "", "needs a host, or a restore_command");
        return;
    }
    if (is_set(dynamic->standby.slot) && !is_set(dynamic->standby.host)) {
        refuse(problems, at, ".primary_slot_name", "needs a host, whose slot it is");
    }
    check_values(at, dynamic, problems);
}

/* FNV-1a, with an end behind each. */
static uint64_t mix(uint64_t hash, const char *text)
{
    for (const char *at = text != NULL ? text : "";; at++) {
        hash = (hash ^ (unsigned char)*at) * UINT64_C(1099511628211);
        if (*at == '\0') {
            return hash;
        }
    }
}

void dynamic_remote_name(const struct config_dynamic *dynamic, struct facts_name *out)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    char port[24];
    out->text[0] = '\0';
    if (!is_set(dynamic->standby.host)) {
        return;
    }
    (void)snprintf(port, sizeof(port), "%" PRIu64, dynamic->standby.port);
    hash = mix(mix(mix(hash, dynamic->standby.host), port), dynamic->standby.slot);
    (void)snprintf(out->text, sizeof(out->text), "*%016" PRIx64, hash);
}

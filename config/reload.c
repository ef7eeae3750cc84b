/* config/reload.c - what changed between two configurations, and what a running node takes over. */
#include "config/reload.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "config/methods.h"
#include "config/settings.h"

static void print_value(const struct setting *setting, const struct config *config, struct buf *out)
{
    if (setting_is_unset(setting, config)) {
        buf_str(out, "not set");
    } else {
        setting_print(setting, config, out);
    }
}

struct config_changes config_diff(const struct config *running, const struct config *fresh,
                                  struct buf *out)
{
    struct config_changes changes = {0};
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *setting = &settings[i];
        if (setting_equal(setting, running, fresh)) {
            continue;
        }
        buf_printf(out, "%s: ", setting->path);
        if (setting->kind == SETTING_SECRET) {
            buf_str(out, "changed");
        } else {
            print_value(setting, running, out);
            buf_str(out, " -> ");
            print_value(setting, fresh, out);
        }
        buf_str(out, setting->reload ? ", taken over\n" : ", needs a restart\n");
        changes.taken_over += setting->reload ? 1 : 0;
        changes.need_restart += setting->reload ? 0 : 1;
    }
    if (!methods_equal(&running->postgresql.methods, &fresh->postgresql.methods)) {
        buf_str(out, "sections of postgresql.create_replica_methods: changed, taken over\n");
        changes.taken_over++;
    }
    if (!methods_equal(&running->bootstrap.methods, &fresh->bootstrap.methods)) {
        buf_str(out, "section of bootstrap.method: changed, needs a restart\n");
        changes.need_restart++;
    }
    return changes;
}

static void swap(size_t row, struct config *a, struct config *b)
{
    struct config_origin origin = a->origins[row];
    a->origins[row] = b->origins[row];
    b->origins[row] = origin;
    setting_swap(&settings[row], a, b);
}

void config_take_over(struct config *running, struct config *fresh)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].reload || setting_equal(&settings[i], running, fresh)) {
            swap(i, running, fresh);
        }
    }
    methods_swap(&running->postgresql.methods, &fresh->postgresql.methods);
}

void config_give_back(struct config *running, struct config *former, const char *const *paths,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t row = setting_index(paths[i]);
        MUST(row < settings_count && settings[row].reload);
        swap(row, running, former);
    }
}

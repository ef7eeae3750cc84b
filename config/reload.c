/* config/reload.c - what changed between two configurations, and what a running node takes over. */
#include <string.h>

#include "base/cleanup.h"
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
    return changes;
}

void config_take_over(struct config *running, struct config *fresh)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].reload || setting_equal(&settings[i], running, fresh)) {
            setting_swap(&settings[i], running, fresh);
            struct config_origin origin = running->origins[i];
            running->origins[i] = fresh->origins[i];
            fresh->origins[i] = origin;
        }
    }
}

/* supervisor/cluster_view.c - names, rings, and the board on which a view changes hands. */
#include "supervisor/cluster_view.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"

#define EXCHANGE_NEW 4U
#define EXCHANGE_SLOT 3U

/* ---- names ---- */

const char *view_state_name(enum view_state state)
{
    static const char *const names[] = {
        [VIEW_STATE_UNKNOWN] = "unknown",
        [VIEW_INITDB] = "initializing new cluster",
        [VIEW_INITDB_FAILED] = "initdb failed",
        [VIEW_BOOTSTRAP] = "running custom bootstrap script",
        [VIEW_BOOTSTRAP_FAILED] = "custom bootstrap failed",
        [VIEW_CREATING_REPLICA] = "creating replica",
        [VIEW_RUNNING] = "running",
        [VIEW_STARTING] = "starting",
        [VIEW_BOOTSTRAP_STARTING] = "starting after custom bootstrap",
        [VIEW_START_FAILED] = "start failed",
        [VIEW_RESTARTING] = "restarting",
        [VIEW_RESTART_FAILED] = "restart failed",
        [VIEW_STOPPING] = "stopping",
        [VIEW_STOPPED] = "stopped",
        [VIEW_STOP_FAILED] = "stop failed",
        [VIEW_CRASHED] = "crashed",
    };
    MUST((size_t)state < ARRAY_LEN(names));
    return names[state];
}

const char *view_role_name(enum view_role role)
{
    static const char *const names[] = {
        [VIEW_ROLE_UNKNOWN] = "uninitialized",
        [VIEW_PRIMARY] = "primary",
        [VIEW_REPLICA] = "replica",
        [VIEW_STANDBY_LEADER] = "standby_leader",
        [VIEW_DEMOTED] = "demoted",
        [VIEW_PROMOTED] = "promoted",
    };
    MUST((size_t)role < ARRAY_LEN(names));
    return names[role];
}

const char *view_flow_name(enum view_flow flow)
{
    static const char *const names[] = {
        [VIEW_FLOW_NONE] = "",
        [VIEW_STREAMING] = "streaming",
        [VIEW_ARCHIVE] = "in archive recovery",
    };
    MUST((size_t)flow < ARRAY_LEN(names));
    return names[flow];
}

/* ---- writing ---- */

void view_text_set(char *to, size_t size, const char *text)
{
    MUST(size > 0);
    size_t length = strnlen(text, size - 1);
    memcpy(to, text, length);
    to[length] = '\0';
}

void view_add_decision(struct cluster_view *view, const struct view_decision *decision)
{
    if (view->decision_count == VIEW_DECISIONS_MAX) {
        memmove(view->decisions, view->decisions + 1,
                (VIEW_DECISIONS_MAX - 1) * sizeof(view->decisions[0]));
        view->decision_count--;
    }
    view->decisions[view->decision_count] = *decision;
    view->decision_count++;
}

void view_add_event(struct cluster_view *view, const struct view_event *event)
{
    uint64_t last = view->event_count > 0 ? view->events[view->event_count - 1].sequence : 0;
    if (view->event_count == VIEW_EVENTS_MAX) {
        memmove(view->events, view->events + 1, (VIEW_EVENTS_MAX - 1) * sizeof(view->events[0]));
        view->event_count--;
    }
    view->events[view->event_count] = *event;
    view->events[view->event_count].sequence = last + 1;
    view->event_count++;
}

/* ---- reading ---- */

bool view_is_stale(const struct cluster_view *view, uint64_t boot_ms)
{
    return view->published_boot_ms == 0 ||
           (boot_ms > view->published_boot_ms && boot_ms - view->published_boot_ms > VIEW_STALE_MS);
}

enum view_state view_state_now(const struct cluster_view *view, uint64_t boot_ms)
{
    bool is_silent = view->self.state == VIEW_RUNNING && !view->self.sql_answers;
    return is_silent || view_is_stale(view, boot_ms) ? VIEW_STATE_UNKNOWN : view->self.state;
}

bool view_has_lease(const struct cluster_view *view, uint64_t boot_ms)
{
    return view->self.supervises && boot_ms < view->self.lease_until_boot_ms;
}

const struct view_member *view_member_named(const struct cluster_view *view, const char *name)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (strcmp(view->members[i].name.text, name) == 0) {
            return &view->members[i];
        }
    }
    return NULL;
}

bool view_is_sync(const struct cluster_view *view, const struct facts_name *name)
{
    for (uint32_t i = 0; view->sync_mode != SYNC_OFF && i < view->sync_count; i++) {
        if (name_is(&view->sync_names[i], name)) {
            return true;
        }
    }
    return false;
}

uint64_t view_leader_lsn(const struct cluster_view *view)
{
    uint64_t end = view->self.latest_end.is_known ? view->self.latest_end.lsn : 0;
    return view->leader_lsn > end ? view->leader_lsn : end;
}

/* ---- the board ---- */

struct view_board *view_board_create(bool supervises)
{
    struct view_board *board = mem_zalloc(sizeof(*board));
    for (size_t i = 0; i < ARRAY_LEN(board->slots); i++) {
        board->slots[i].self.supervises = supervises;
    }
    board->front = 1;
    atomic_init(&board->exchange, 2);
    return board;
}

void view_board_destroy(struct view_board *board)
{
    mem_free(board);
}

void view_board_publish(struct view_board *board, const struct cluster_view *view, uint64_t boot_ms)
{
    MUST(view->member_count <= FACTS_MEMBERS_MAX);
    MUST(view->history_count <= VIEW_HISTORY_MAX);
    MUST(view->sync_count <= SYNC_NAMES_MAX);
    board->slots[board->back] = *view;
    board->slots[board->back].published_boot_ms = boot_ms > 0 ? boot_ms : 1;
    board->back = atomic_exchange(&board->exchange, board->back | EXCHANGE_NEW) & EXCHANGE_SLOT;
}

const struct cluster_view *view_board_read(struct view_board *board)
{
    if ((atomic_load(&board->exchange) & EXCHANGE_NEW) != 0) {
        board->front = atomic_exchange(&board->exchange, board->front) & EXCHANGE_SLOT;
    }
    return &board->slots[board->front];
}

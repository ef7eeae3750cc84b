/* ctl/plan_config.c - one YAML file for each node, to be copied and not to be understood first.
 *
 * The voters have one list of peers: they form the cluster together. A database without a vote has
 * them and itself in its list, and joins: peers are a way in, and a list can not be longer than
 * there can be voters. */
#include "ctl/plan_config.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "proto/member.h"

#define PEERS_PORT 7400
#define HTTP_PORT 8008
#define POSTGRES_PORT 5432

/* --- Hosts --- */

static void fill_pattern(struct buf *out, const char *pattern, const struct plan_node *node,
                         size_t index)
{
    static const char *const marks[] = {"{name}", "{site}", "{n}"};
    CLEANUP(mem_freep) char *number = mem_printf("%zu", index + 1);
    const char *const words[] = {node->name, node->site, number};
    while (*pattern != '\0') {
        size_t taken = 0;
        for (size_t i = 0; taken == 0 && i < ARRAY_LEN(marks); i++) {
            if (strncmp(pattern, marks[i], strlen(marks[i])) == 0) {
                buf_str(out, words[i]);
                taken = strlen(marks[i]);
            }
        }
        if (taken == 0) {
            buf_char(out, *pattern);
            taken = 1;
        }
        pattern += taken;
    }
}

static int set_host(char host[PLAN_HOST_MAX], const char *node, const char *text, struct err *err)
{
    CLEANUP(mem_freep) char *address = mem_printf("%s:%d", text, PEERS_PORT);
    if (member_address_check(address, NULL) < 0) {
        return err_set(err, ERR_INVALID,
                       "%s is no host for %s: a name or an address without a port",
                       cli_quoted(text).text, node);
    }
    (void)snprintf(host, PLAN_HOST_MAX, "%s", text);
    return 0;
}

static size_t node_named(const struct plan_layout *layout, const char *name, size_t size)
{
    size_t i = 0;
    while (i < layout->node_count && (strlen(layout->nodes[i].name) != size ||
                                      strncmp(layout->nodes[i].name, name, size) != 0)) {
        i++;
    }
    return i;
}

static int take_named(const struct plan_layout *layout, const char *named, struct plan_hosts *hosts,
                      struct err *err)
{
    const char *equals = strchr(named, '=');
    if (equals == NULL) {
        return err_set(err, ERR_INVALID, "--address %s: not NAME=HOST", cli_quoted(named).text);
    }
    size_t i = node_named(layout, named, (size_t)(equals - named));
    if (i == layout->node_count) {
        return err_set(err, ERR_INVALID, "--address %s: this layout has no such node (%s to %s)",
                       cli_quoted(named).text, layout->nodes[0].name,
                       layout->nodes[layout->node_count - 1].name);
    }
    return set_host(hosts->at[i], layout->nodes[i].name, equals + 1, err);
}

int plan_hosts(const struct plan_layout *layout, const char *pattern, const char *const *named,
               size_t named_count, struct plan_hosts *ret_hosts, struct err *err)
{
    struct plan_hosts hosts = {.invented = false};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < named_count; i++) {
        rc = take_named(layout, named[i], &hosts, err);
    }
    for (size_t i = 0; rc == 0 && i < layout->node_count; i++) {
        if (hosts.at[i][0] != '\0') {
            continue;
        }
        CLEANUP(buf_close) struct buf host = {0};
        fill_pattern(&host, pattern != NULL ? pattern : "{name}.example.invalid", &layout->nodes[i],
                     i);
        hosts.invented = hosts.invented || pattern == NULL;
        rc = set_host(hosts.at[i], layout->nodes[i].name, buf_text(&host), err);
    }
    for (size_t i = 0; rc == 0 && i < layout->node_count; i++) {
        for (size_t j = 0; rc == 0 && j < i; j++) {
            if (strcmp(hosts.at[i], hosts.at[j]) == 0) {
                rc =
                    err_set(err, ERR_INVALID,
                            "%s and %s would both be on %s: each node needs a host of its own (%s)",
                            layout->nodes[j].name, layout->nodes[i].name, hosts.at[i],
                            "{name}, {site} and {n} in --address-pattern differ by node");
            }
        }
    }
    if (rc == 0) {
        *ret_hosts = hosts;
    }
    return rc;
}

/* --- The file --- */

/* initdb's own lines let in nobody from another host: neither a standby nor a client. */
static const char first_hba[] =
    "\nbootstrap:\n"
    "  # Who may connect, from the cluster's first day on; \"all\" may be narrowed to your "
    "networks\n"
    "  pg_hba:\n"
    "    - local all all peer\n"
    "    - host all all all scram-sha-256\n"
    "    - host replication replicator all scram-sha-256\n";

static const char *what_it_is(const struct plan_node *node)
{
    return !node->is_database ? "a witness: a vote, and no PostgreSQL"
           : node->votes      ? "a PostgreSQL and a vote"
                              : "a PostgreSQL, without a vote";
}

static void put_head(struct buf *out, const struct plan_cluster *c, const struct plan_node *node)
{
    buf_printf(out, "# %s.yml - node %s of the cluster %s: %s.\n#\n", node->name, node->name,
               c->scope, what_it_is(node));
    if (c->hosts->invented) {
        buf_str(out,
                "# EDIT the addresses first: each NAME.example.invalid stands for the host of that "
                "node.\n"
                "# They are the same in the files of all nodes.\n#\n");
    }
    const char *file = node->is_database ? "pgraft" : "witness"; /* as the units of deploy/ say */
    buf_printf(out,
               "# On the host of %s this is /etc/pgraft/%s.yml, and the file \"secret\" beside "
               "it is\n"
               "# /etc/pgraft/secret; both belong to the user who runs pgraftd and to nobody else "
               "(0600).\n"
               "#     pgraftd --validate-config /etc/pgraft/%s.yml\n"
               "#     pgraftd %s -c /etc/pgraft/%s.yml\n\n",
               node->name, file, file, node->is_database ? "--voter" : "--witness", file);
}

static void put_peer(struct buf *out, const struct plan_cluster *c, size_t index)
{
    buf_printf(out, "    - %s=%s:%d\n", c->layout->nodes[index].name, c->hosts->at[index],
               PEERS_PORT);
}

static void put_peers(struct buf *out, const struct plan_cluster *c, size_t index)
{
    const struct plan_layout *l = c->layout;
    bool joins = !l->nodes[index].votes;
    size_t room = l->votes;
    buf_str(out, "  peers:\n");
    if (joins) {
        put_peer(out, c, index);
        room = room > 2 ? room - 1 : room;
    }
    for (size_t i = 0; i < l->node_count && room > 0; i++) {
        if (l->nodes[i].votes) {
            put_peer(out, c, i);
            room--;
        }
    }
}

static void put_raft(struct buf *out, const struct plan_cluster *c, size_t index)
{
    const struct plan_node *node = &c->layout->nodes[index];
    buf_printf(out, "raft:\n  listen: \"%s:%d\"\n", c->hosts->at[index], PEERS_PORT);
    put_peers(out, c, index);
    buf_str(out, "  secret_file: /etc/pgraft/secret\n");
    if (node->site[0] != '\0') {
        buf_printf(out, "  site: %s\n", node->site);
    }
    if (c->layout->set_max_voters != 0) {
        buf_printf(out, "  max_voters: %u\n", c->layout->set_max_voters);
    }
}

static void put_restapi(struct buf *out, const struct plan_cluster *c, size_t index)
{
    buf_printf(out,
               "\nrestapi:\n"
               "  listen: \"%s:%d\"\n"
               "  authentication:\n"
               "    username: admin\n"
               "    password: \"%s\"\n",
               c->hosts->at[index], HTTP_PORT, c->passwords.restapi);
}

static void put_postgresql(struct buf *out, const struct plan_cluster *c, size_t index)
{
    buf_printf(out,
               "\npostgresql:\n"
               "  listen: \"%s:%d\"\n"
               "  connect_address: \"%s:%d\"\n"
               "  data_dir: /var/lib/postgresql/%s\n"
               "  # bin_dir: where initdb and postgres are, if they are not found by themselves\n"
               "  authentication:\n"
               "    superuser:\n"
               "      username: postgres\n"
               "      password: \"%s\"\n"
               "    replication:\n"
               "      username: replicator\n"
               "      password: \"%s\"\n",
               c->hosts->at[index], POSTGRES_PORT, c->hosts->at[index], POSTGRES_PORT, c->scope,
               c->passwords.superuser, c->passwords.replication);
    buf_str(out, first_hba);
}

void plan_config(struct buf *out, const struct plan_cluster *cluster, size_t index)
{
    const struct plan_node *node = &cluster->layout->nodes[index];
    put_head(out, cluster, node);
    buf_printf(out, "scope: \"%s\"\nname: \"%s\"\n\n", cluster->scope, node->name);
    put_raft(out, cluster, index);
    put_restapi(out, cluster, index);
    if (node->is_database) {
        put_postgresql(out, cluster, index);
    }
}

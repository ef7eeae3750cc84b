# tools/demo_nodes.sh - the nodes of ./demo: where they are, how they are started, killed, asked and ended; sourced by it.
#
# All of a node stands in one folder, its programs too, so that its processes can be told from all others: those
# whose program lies there, and those of PostgreSQL that work there. Nothing is remembered anywhere else.
#
# shellcheck shell=bash disable=SC2034

databases=(pg1 pg2 pg3)
witnesses=(w1 w2)
nodes=("${databases[@]}" "${witnesses[@]}")
folder=${TMPDIR:-/tmp}/pgraft-demo-$(id -u)
# PostgreSQL does not run as root; pgraftd sees to that by itself, and its files have to be his.
owner=
[ "$(id -u)" -ne 0 ] || owner=postgres

host_of() {
    case $1 in
        pg*) printf '127.0.1.%s' "${1#pg}" ;;
        *) printf '127.0.1.%s' "$((${1#w} + ${#databases[@]}))" ;;
    esac
}

is_node() {
    [[ " ${nodes[*]} " == *" $1 "* ]]
}

peers() {
    local name list=
    for name in "${nodes[@]}"; do
        list+=", $name=$(host_of "$name"):7400"
    done
    printf '%s' "${list#, }"
}

is_begun() { [ -e "$folder/secret" ]; }

# ---- files ----

# Prints the configuration of the database NAME.
configuration() {
    local name=$1 host
    host=$(host_of "$name")
    cat <<YAML
scope: demo
name: $name
raft:
  listen: $host:7400
  data_dir: $folder/$name/store
  secret_file: $folder/$name/secret
  peers: [$(peers)]
restapi:
  listen: $host:8008
ctl:
  socket: $folder/$name/ctl.sock
postgresql:
  listen: $host:5432
  connect_address: $host:5432
  data_dir: $folder/$name/data
  authentication:
    superuser: {username: postgres, password: $(cat "$folder/password")}
    replication: {username: replicator, password: $(cat "$folder/password")}
  parameters:
    unix_socket_directories: ''       # five nodes on one machine: over TCP alone
    dynamic_shared_memory_type: mmap  # nothing of it is left when a node is killed
    shared_buffers: 16MB
bootstrap:
  pg_hba:
    - host all all 127.0.0.0/8 scram-sha-256
    - host replication replicator 127.0.0.0/8 scram-sha-256
YAML
}

give() { [ -z "$owner" ] || chown -R "$owner:" "$1"; }

# Everything that the nodes need before they are started for the first time.
make_files() {
    local name host
    mkdir -m 0711 "$folder" || die "$folder can not be made"
    (
        umask 077
        od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$folder/password"
        for name in "${databases[@]}"; do
            host=$(host_of "$name")
            printf '%s:5432:*:postgres:%s\n' "$host" "$(cat "$folder/password")"
        done >"$folder/pgpass"
    )
    pgraftctl secret generate --output "$folder/secret" >/dev/null
    for name in "${nodes[@]}"; do
        mkdir -p "$folder/$name/daemon" "$folder/$name/supervisor"
        cp build/demo/daemon/pgraftd "$folder/$name/daemon/"
        cp build/demo/supervisor/pgraft-guard build/demo/supervisor/pgraft-helper "$folder/$name/supervisor/"
        cp "$folder/secret" "$folder/$name/secret"
        case $name in pg*) (umask 077 && configuration "$name" >"$folder/$name/pgraft.yml") ;; esac
        give "$folder/$name"
    done
}

# ---- processes ----

# Prints the ids of all processes of the node NAME.
processes() {
    local at
    {
        find /proc/[0-9]* -maxdepth 1 \( -name exe -lname "$folder/$1/*" -o -name cwd -lname "$folder/$1/data*" \) \
            2>/dev/null || true
    } |
        while read -r at; do
            case $at in
                */cwd) [[ $(readlink "${at%cwd}exe") == */postgres ]] || continue ;;
            esac
            at=${at#/proc/}
            printf '%s\n' "${at%%/*}"
        done
}

# Prints the id of the pgraftd of NAME; nothing when it does not run. A process that goes away meanwhile is no failure.
daemon_of() {
    { find /proc/[0-9]* -maxdepth 1 -name exe -lname "$folder/$1/daemon/pgraftd*" 2>/dev/null || true; } |
        sed -n '1s,^/proc/\([0-9]*\)/.*,\1,p'
}

runs() { [ -n "$(daemon_of "$1")" ]; }

# kill_nodes NAME...: all at once and at once, as when a host dies; returns when they are gone. Not by "wait": a trap
# that waits for what the command that it has interrupted was waiting for may wait for ever.
kill_nodes() {
    local name
    local -a pids
    for name in "$@"; do
        while mapfile -t pids < <(processes "$name") && [ ${#pids[@]} -gt 0 ]; do
            kill -9 "${pids[@]}" 2>/dev/null || true
            sleep 0.02
        done
    done
}

# PostgreSQL's small piece of shared memory outlives who is killed; the next start takes it over, and this does without.
forget_memory() {
    local id
    id=$(sed -n '7s/.* //p' "$folder/$1/data/postmaster.pid" 2>/dev/null || true)
    [ -z "$id" ] || ipcrm -m "$id" 2>/dev/null || true
}

# Ends everything that was started and removes what was written: at once.
end_nodes() {
    local name
    [ -d "$folder" ] || return 0
    kill_nodes "${nodes[@]}"
    for name in "${databases[@]}"; do
        forget_memory "$name"
    done
    rm -rf -- "$folder"
}

# The same in order: each PostgreSQL is stopped by its pgraftd.
stop_nodes() {
    local tries name pid left
    for name in "${databases[@]}"; do
        pid=$(daemon_of "$name")
        [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    done
    for ((tries = 0; tries < 100; tries++)); do
        left=$(for name in "${databases[@]}"; do processes "$name"; done)
        [ -n "$left" ] || break
        sleep 0.1
    done
    end_nodes
}

# Prints the words by which NAME is started.
words_of() {
    local name=$1 host
    host=$(host_of "$name")
    case $name in
        pg*) printf -- '--voter -c %s/%s/pgraft.yml' "$folder" "$name" ;;
        *)
            printf -- '--witness --scope demo --name %s --listen %s:7400 --api %s:8008 --peers %s --data-dir %s --secret-file %s' \
                "$name" "$host" "$host" "$(peers | tr -d ' ')" "$folder/$name/store" "$folder/$name/secret"
            ;;
    esac
}

# start NAME: its words go to a file of its own; setsid, so that Ctrl-C in this terminal reaches us alone.
start() {
    local name=$1
    # shellcheck disable=SC2046
    PGRAFT_CTL_SOCKET=$folder/$name/ctl.sock \
        setsid "$folder/$name/daemon/pgraftd" $(words_of "$name") </dev/null >>"$folder/$name.log" 2>&1 8<&- &
    disown # nobody wants to read that it was killed
}

# Who could not start has said why.
all_run() {
    local name
    for name in "$@"; do
        if ! runs "$name"; then
            tail -n 1 "$folder/$name.log" >&2
            die "$name does not run, for the reason above"
        fi
    done
}

# Somebody else listens where a node is to: said before anything is started.
ports_are_free() {
    local name host port
    for name in "${nodes[@]}"; do
        host=$(host_of "$name")
        for port in 5432 7400 8008; do
            case $name:$port in w*:5432) continue ;; esac
            if (: <"/dev/tcp/$host/$port") 2>/dev/null; then
                die "$host:$port, where $name is to listen, is in use: by another demo on this machine, or by a server that listens everywhere"
            fi
        done
    done
}

# ---- what is asked ----

ms_now() { printf '%s' "$((${EPOCHREALTIME/[^0-9]/} / 1000))"; }

# Prints a line a database: name, role, state.
roles() { pgraftctl --timeout 2s list --format tsv 2>/dev/null | cut -f 2,4,5 || true; }

primary() { roles | sed -n 's/^\([^\t]*\)\t\(Leader\)\t.*/\1/p'; }

# How many databases stream from the primary.
streaming() { roles | grep -c $'\tstreaming$' || true; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local until_ms what=$2
    until_ms=$(($(ms_now) + $1 * 1000))
    shift 2
    until "$@"; do
        if [ "$(ms_now)" -ge "$until_ms" ]; then
            tail -n 5 "$folder"/*.log >&2
            die "$what: not yet, after a long wait; the last words of the nodes are above"
        fi
        sleep 0.1
    done
}

two_stream() { [ -n "$(primary)" ] && [ "$(streaming)" -eq 2 ]; }

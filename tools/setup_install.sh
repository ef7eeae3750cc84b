#!/bin/bash
# tools/setup_install.sh - the root half of tools/setup.sh: installs the packages of the given
# groups, starts nothing.
#
#   bash tools/setup_install.sh GROUP...
#
# While apt unpacks, a policy-rc.d forbids every start of a service and PostgreSQL's packages are
# told to create no cluster. What stands in the way is set aside in $setup_journal first and put
# back at the end, also after an error, a signal, and, by the next run, after kill -9. Ctrl-C ends a
# download at once and waits for dpkg. Only one of these runs at a time. Ends with 0, with
# $setup_explained after saying what failed, or by the signal it got.
set -euo pipefail
export LC_ALL=C DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1

# shellcheck source=tools/setup.sh
. "${BASH_SOURCE[0]%/*}/setup.sh"
# shellcheck source=tools/backports.sh
. "${BASH_SOURCE[0]%/*}/backports.sh"

lock_wait_s=${SETUP_LOCK_WAIT_S:-300}
groups=("$@")
work=''    # a folder of ours for a run's log and drafts
log=''
apt_pid='' # while apt-get runs
apt_stoppable=''
signal=''  # the one that ends us
signals=0
targets=()

fail() {
    if [ -s "$log" ]; then
        setup_say "the last lines of apt-get:"
        tail -n 15 "$log" | sed 's/^/setup:   | /' >&2
    fi
    setup_cannot "$1" "${groups[@]}"
    exit "$setup_explained"
}

# --- setting files aside --------------------------------------------------------------------------
# $setup_journal/NAME/ holds one replaced file: path (where), ours (what stands there meanwhile),
# saved (what stood there; missing when nothing did), keep_if (a package and version with which ours
# may stay). The folder gets its name when it is complete, and loses it before it is taken apart.

put_in_place() {
    cp -a -- "$1" "$2.pgraft-new" && mv -fT -- "$2.pgraft-new" "$2"
}

there() {
    [ -e "$1" ] || [ -L "$1" ]
}

# set_aside NAME PATH KEEP_IF MODE <CONTENT: CONTENT stands at PATH until put_back NAME.
set_aside() {
    local entry=$setup_journal/$1
    mkdir -p "$setup_journal"
    chmod 700 "$setup_journal"
    rm -rf "$entry.new"
    mkdir "$entry.new"
    cat >"$entry.new/ours"
    chmod "$4" "$entry.new/ours"
    printf '%s\n' "$2" >"$entry.new/path"
    printf '%s\n' "$3" >"$entry.new/keep_if"
    ! there "$2" || cp -a -- "$2" "$entry.new/saved"
    mv -T "$entry.new" "$entry"
    put_in_place "$entry/ours" "$2"
}

# It runs where "set -e" does not hold, and must not drop the saved file after a failure.
put_back() {
    local entry=$setup_journal/$1 path package='' least=''
    path=$(cat "$entry/path") || return 1
    read -r package least <"$entry/keep_if" || true
    rm -f -- "$path.pgraft-new"
    if [ -n "$package" ] && setup_at_least "$(installed_version "$package")" "$least"; then
        setup_say "$path stays, so that upgrades of $package arrive"
    elif [ ! -L "$path" ] && cmp -s -- "$path" "$entry/ours"; then
        if there "$entry/saved"; then
            put_in_place "$entry/saved" "$path" || return 1
        else
            rm -f -- "$path" || return 1
        fi
    elif there "$path" && ! cmp -s -- "$path" "$entry/saved"; then
        setup_say "$path was changed by somebody else meanwhile and is left as it is"
    fi
    mv -T "$entry" "$entry.done"
    rm -rf "$entry.done"
}

put_back_all() {
    local entry
    [ -d "$setup_journal" ] || return 0
    for entry in "$setup_journal"/*; do
        case $entry in
            *.new | *.done) rm -rf "$entry" ;;
            *) [ ! -d "$entry" ] || put_back "${entry##*/}" || return 1 ;;
        esac
    done
    rmdir "$setup_journal"
}

# --- ending ---------------------------------------------------------------------------------------

on_signal() {
    signal=$1
    signals=$((signals + 1))
    if [ -z "$apt_pid" ]; then
        exit 1
    elif [ -n "$apt_stoppable" ]; then
        kill -TERM "$apt_pid" || true
    else
        setup_say "stopping when dpkg has finished, so that it leaves no package half installed"
    fi
}

on_exit() {
    local status=$?
    trap '' INT TERM HUP QUIT PIPE
    if ! put_back_all; then
        setup_say "could not put back what is in $setup_journal; the next run tries again"
        status=$setup_explained
    fi
    rm -rf "$work"
    if [ -n "$signal" ]; then
        trap - "$signal" EXIT
        kill -s "$signal" $$
    fi
    if [ "$status" -ne 0 ] && [ "$status" -ne "$setup_explained" ]; then
        setup_cannot "see the error above" "${groups[@]}"
        status=$setup_explained
    fi
    exit "$status"
}

# --- apt ------------------------------------------------------------------------------------------

# The one thing in apt's output that the user should know at once.
say_when_locked() {
    trap '' INT TERM HUP
    while sleep 1 >/dev/null 2>&1; do
        if grep -q 'Waiting for cache lock' "$log"; then
            say_locked
            return 0
        fi
    done
}

# Once a run.
say_locked() {
    [ ! -e "$work/said-locked" ] || return 0
    : >"$work/said-locked"
    setup_say "another program is using apt; waiting up to $lock_wait_s s for it"
}

# Runs apt-get in a session of its own, so that a Ctrl-C comes to us alone. Its status, or the end
# by the signal.
run_apt() {
    local watcher seen status
    setsid apt-get -q -o DPkg::Lock::Timeout="$lock_wait_s" "$@" </dev/null >>"$log" 2>&1 &
    apt_pid=$!
    say_when_locked 9<&- &
    watcher=$!
    while :; do
        seen=$signals
        status=0
        wait "$apt_pid" || status=$?
        [ "$seen" != "$signals" ] || break
    done
    apt_pid=''
    kill -KILL "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    [ -z "$signal" ] || exit 1
    return "$status"
}

# The package lists have a lock of their own, for which apt-get does not wait.
update() {
    local before give_up_s=$((SECONDS + lock_wait_s))
    apt_stoppable=1
    while :; do
        before=$(wc -l <"$log")
        ! run_apt update "$@" || return 0
        tail -n +$((before + 1)) "$log" | grep -q 'Could not get lock' || return 1
        [ "$SECONDS" -lt "$give_up_s" ] || return 1
        say_locked
        sleep 1
    done
}

# install now|download PACKAGE...: what it downloads can be stopped, what it unpacks can not.
install() {
    local what=$1 options=(install -y --no-install-recommends --no-remove)
    shift
    if [ "$what" = download ]; then
        apt_stoppable=1
        options+=(--download-only)
    else
        apt_stoppable=''
        options+=(-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)
    fi
    run_apt "${options[@]}" "$@"
}

installed_version() {
    dpkg-query -W -f '${Version}\n' "$1" 2>/dev/null | head -n 1 || true
}

candidate_version() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p' | grep -vx '(none)' || true
}

# The newest version of package $1 that an enabled backports entry offers.
backports_version() {
    apt-cache madison "$1" 2>/dev/null |
        awk -F ' *[|] *' '$3 ~ /^[^ ]+ (bookworm|(old)*stable)-backports\// { print $2; exit }' ||
        true
}

# --- which packages, and from where ---------------------------------------------------------------

# Sees to it that apt knows package $1 in version $2 or later in bookworm-backports.
add_backports() {
    local entry path mode alone found='' sources=$setup_root/etc/apt drafts=$work/sources
    ! setup_at_least "$(backports_version "$1")" "$2" || return 0
    mkdir -p "$drafts"
    if backports_read "$sources" bookworm "$drafts"; then
        fail "bookworm-backports is among apt's sources, but apt finds no $1 >= $2 there"
    fi
    for entry in "$drafts"/*; do
        [ -f "$entry" ] || continue
        found=1
        path=$sources/sources.list.d/pgraft-backports.${entry##*.}
        mkdir -p "$sources/sources.list.d"
        mode=$(stat -c %a "$entry")
        set_aside source "$path" "$1 $2" "$mode" <"$entry"
        alone=(-o Dir::Etc::sourcelist="$path" -o Dir::Etc::sourceparts=/dev/null)
        if update "${alone[@]}" -o APT::Get::List-Cleanup=0 &&
            setup_at_least "$(backports_version "$1")" "$2"; then
            setup_say "$1 $(backports_version "$1") comes from bookworm-backports:"
            setup_say "added $path, made from this machine's own Debian entry"
            return 0
        fi
        put_back source
    done
    if [ -n "$found" ]; then
        fail "no Debian entry among apt's sources leads to a bookworm-backports with $1 >= $2"
    fi
    setup_say "apt's sources have no entry (type deb, suite bookworm, component main) to derive one"
    setup_say "from: add one for suite bookworm-backports, component main, of your Debian mirror"
    fail "$1 >= $2 is in bookworm-backports, which is not among apt's sources"
}

# Fills targets with what apt-get install is to be given for setup_missing.
choose_targets() {
    local package least candidate system
    for package in "${setup_missing[@]}"; do
        least=${setup_min[$package]}
        candidate=$(candidate_version "$package")
        if [ "$least" = - ] || setup_at_least "$candidate" "$least"; then
            targets+=("$package")
        elif [ "$(setup_os VERSION_CODENAME)" = bookworm ]; then
            add_backports "$package" "$least"
            targets+=("$package/bookworm-backports")
            # The exact version it depends on; apt looks for that in the release's own suite.
            [ "$package" != libraft-dev ] || targets+=(libraft0/bookworm-backports)
        else
            system=$(setup_os PRETTY_NAME)
            fail "$package >= $least is needed; ${system:-this system} offers ${candidate:-none}"
        fi
    done
}

# --- starting nothing -----------------------------------------------------------------------------

# Whether the policy-rc.d that stands there forbids everything already.
denies_all() {
    local name status
    [ -x "$1" ] || return 1
    for name in postgresql pgraft-setup-asks; do
        status=0
        "$1" "$name" start </dev/null >/dev/null 2>&1 || status=$?
        [ "$status" -eq 101 ] || return 1
    done
}

deny_services() {
    local policy=$setup_root/usr/sbin/policy-rc.d
    ! denies_all "$policy" || return 0
    set_aside policy-rc.d "$policy" "" 755 <<'POLICY'
#!/bin/sh
# Stands here only while pgraft's tools/setup_install.sh runs apt-get; what stood here is put back
# afterwards.
exit 101
POLICY
}

# PostgreSQL's server packages create a cluster when they are configured, unless this file says no.
# It comes with postgresql-common, which therefore goes first: what we change is then what dpkg has
# just laid down.
deny_cluster() {
    local conf=$setup_root/etc/postgresql-common/createcluster.conf package
    for package in "${setup_missing[@]}"; do
        case $package in
            postgresql-client* | postgresql-common*) ;;
            postgresql | postgresql-*)
                install now postgresql-common || fail "apt-get install postgresql-common failed"
                {
                    [ ! -f "$conf" ] || sed '/^[[:space:]]*create_main_cluster\b/d' "$conf"
                    echo "create_main_cluster = false"
                } | set_aside createcluster.conf "$conf" "" 644
                return 0
                ;;
        esac
    done
}

# --- the run --------------------------------------------------------------------------------------

lock() {
    local folder=$setup_root/usr/sbin
    # The folder itself is the lock, so that none is left behind. apt-get inherits it: after kill -9
    # of this script nobody puts anything back as long as apt-get works on.
    exec 9<"$folder"
    if ! flock -n 9; then
        setup_say "another install of pgraft's packages is running; waiting for it"
        flock 9
    fi
}

main() {
    local name
    setup_read "${groups[@]}" || exit "$setup_explained"
    setup_find_missing
    [ "${#setup_missing[@]}" -gt 0 ] || [ -d "$setup_journal" ] || return 0
    [ "$(id -u)" = 0 ] || fail "this is not root"
    lock
    trap on_exit EXIT
    for name in INT TERM HUP QUIT PIPE; do
        # shellcheck disable=SC2064
        trap "on_signal $name" "$name"
    done
    work=$(mktemp -d)
    log=$work/log
    : >"$log"
    if [ -d "$setup_journal" ]; then
        setup_say "putting back what a killed install had set aside"
        put_back_all
    fi
    setup_find_missing
    [ "${#setup_missing[@]}" -gt 0 ] || return 0
    setup_say "installing with apt; this can take minutes"
    update || setup_say "apt-get update failed; trying with what apt knows"
    choose_targets
    install download "${targets[@]}" || fail "apt-get install --download-only failed"
    deny_services
    deny_cluster
    install now "${targets[@]}" || fail "apt-get install failed"
    setup_find_missing
    [ "${#setup_missing[@]}" -eq 0 ] || fail "apt-get install left some missing or too old"
}

main

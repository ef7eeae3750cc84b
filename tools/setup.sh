# tools/setup.sh - sees to it that the packages a task needs are installed; sourced by ./demo and
# ./check.
#
#   . tools/setup.sh
#   setup_require build test      returns 0: all is there; 1: it is not, and stderr says what to do
#
# When all is there it asks dpkg once, prints nothing and changes nothing. Otherwise it says what is
# missing and why, and runs tools/setup_install.sh as root (directly, or with one call of sudo),
# which does the work. SETUP_ROOT, empty but in tests, stands before every path of the machine that
# is read or written.
#
# shellcheck shell=bash

setup_tools=${BASH_SOURCE[0]}
case $setup_tools in
    */*) setup_tools=${setup_tools%/*} ;;
    *) setup_tools=. ;;
esac
case $setup_tools in
    /*) ;;
    *) setup_tools=$PWD/$setup_tools ;;
esac
setup_root=${SETUP_ROOT:-}
# What a running install has set aside; there outside of one only when the run was killed.
setup_journal=$setup_root/var/lib/pgraft-setup
# How setup_install.sh ends when it has failed and has explained it.
setup_explained=9

declare -a setup_names=() setup_missing=()
declare -A setup_min=() setup_why=() setup_have=()

setup_say() {
    printf 'setup: %s\n' "$*" >&2
}

# Fills setup_names, setup_min and setup_why with the packages of the given groups, in the table's
# order.
setup_read() {
    local group package min why wanted=" $* " seen=" "
    setup_names=() setup_min=() setup_why=()
    while read -r group package min why; do
        case $group in '' | '#'*) continue ;; esac
        case $wanted in *" $group "*) ;; *) continue ;; esac
        seen+="$group "
        case " ${setup_names[*]} " in *" $package "*) continue ;; esac
        setup_names+=("$package")
        setup_min[$package]=$min
        setup_why[$package]=$why
    done <"$setup_tools/packages"
    for group in "$@"; do
        case $seen in
            *" $group "*) ;;
            *) setup_say "no group '$group' in $setup_tools/packages" && return 1 ;;
        esac
    done
}

# Whether version $1 is at least $2; "-" as $2 asks for nothing.
setup_at_least() {
    [ "$2" = - ] || { [ -n "$1" ] && dpkg --compare-versions "$1" ge "$2"; }
}

# Fills setup_missing with those of setup_names that are not installed or too old.
setup_find_missing() {
    # shellcheck disable=SC2016
    local package state version format='${Package} ${db:Status-Status} ${Version}\n'
    setup_missing=() setup_have=()
    while read -r package state version; do
        if [ "$state" = installed ]; then
            setup_have[$package]=$version
        fi
    done < <(dpkg-query -W -f "$format" "${setup_names[@]}" 2>/dev/null)
    for package in "${setup_names[@]}"; do
        version=${setup_have[$package]:-}
        if [ -z "$version" ] || ! setup_at_least "$version" "${setup_min[$package]}"; then
            setup_missing+=("$package")
        fi
    done
}

# The value of a field of os-release, without its quotes.
setup_os() {
    local file=$setup_root/etc/os-release key value
    [ -r "$file" ] || file=$setup_root/usr/lib/os-release
    [ -r "$file" ] || return 0
    while IFS='=' read -r key value; do
        if [ "$key" = "$1" ]; then
            value=${value#[\"\']}
            printf '%s\n' "${value%[\"\']}"
            return 0
        fi
    done <"$file"
}

# "gcc, meson (>= 1.0)": the packages given, each with the version it needs.
setup_list() {
    local package text=
    for package in "$@"; do
        text+="${text:+, }$package"
        [ "${setup_min[$package]:--}" = - ] || text+=" (>= ${setup_min[$package]})"
    done
    printf '%s\n' "$text"
}

# Explains why nothing was installed ($1), and what to do instead for the groups after it.
setup_cannot() {
    local reason=$1 package note='' apt="apt-get install --no-install-recommends" root_command
    shift
    root_command="bash $(printf %q "$setup_tools/setup_install.sh") $*"
    if [ "${#setup_missing[@]}" -eq 0 ]; then
        setup_say "a killed install left $setup_journal: $reason"
        setup_say "to put back what it set aside, run as root: $root_command"
        return 0
    fi
    setup_say "cannot install what is missing: $reason"
    setup_say "packages: $(setup_list "${setup_missing[@]}")"
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        setup_say "install their equivalents and build by hand: meson setup build && ninja -C build"
        return 0
    fi
    for package in "${setup_missing[@]}"; do
        apt+=" $package"
        if [ "$package" = libraft-dev ] && [ "$(setup_os VERSION_CODENAME)" = bookworm ]; then
            apt+="/bookworm-backports libraft0/bookworm-backports"
            note=" (with bookworm-backports among apt's sources)"
        fi
    done
    setup_say "run as root: $root_command"
    setup_say "or by hand$note: apt-get update && $apt"
}

setup_explain() {
    local package
    setup_say "missing:"
    for package in "${setup_missing[@]}"; do
        printf 'setup:   %-16s %s\n' "$package" "${setup_why[$package]}" >&2
    done
}

# Runs setup_install.sh for the given groups; 1 after a failure that has been explained.
setup_as_root() {
    local status=0 install=(bash "$setup_tools/setup_install.sh" "$@") sudo=(sudo --)
    if [ "$(id -u)" = 0 ]; then
        "${install[@]}" || status=$?
    elif ! command -v sudo >/dev/null; then
        setup_cannot "this is not root, and there is no sudo" "$@"
        return 1
    else
        # Without a terminal nobody can type a password: sudo must refuse, not wait.
        { : </dev/tty; } 2>/dev/null || sudo=(sudo -n --)
        setup_say "as root, through sudo:"
        "${sudo[@]}" "${install[@]}" || status=$?
    fi
    if [ "$status" -eq 0 ]; then
        return 0
    fi
    if [ "$status" -ne "$setup_explained" ] && [ "$status" -lt 128 ]; then
        setup_cannot "sudo did not run $setup_tools/setup_install.sh" "$@"
    fi
    return 1
}

# The one entry: everything the groups need is installed when this returns 0.
setup_require() {
    setup_read "$@" || return 1
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        setup_missing=("${setup_names[@]}")
        setup_cannot "this system has no dpkg and apt" "$@"
        return 1
    fi
    setup_find_missing
    if [ "${#setup_missing[@]}" -gt 0 ]; then
        setup_explain
        setup_as_root "$@"
    elif [ -d "$setup_journal" ]; then
        setup_as_root "$@" || setup_say "going on without"
    fi
}

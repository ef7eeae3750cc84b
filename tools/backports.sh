# tools/backports.sh - reads the machine's own apt sources to find, or derive, its
# bookworm-backports entry.
#
# Sourced by setup_install.sh. Both of apt's formats are read: deb822 (*.sources) and one-line
# (*.list). A derived entry is the machine's entry for the release with another suite, so no mirror
# is named here. Nothing is written but to the folder given.
#
# shellcheck shell=bash

# What both programs share. judge() rates an entry: "0" when it names the release itself, "1" when
# it calls it stable or oldstable (which the caller may believe: os-release says what is installed),
# "" when it is no use.
# shellcheck disable=SC2016
backports_awk_common='
function has(list, pattern,    n, i, words) {
    n = split(list, words, /[ \t\n]+/)
    for (i = 1; i <= n; i++)
        if (words[i] ~ pattern)
            return 1
    return 0
}
function judge(suites, components) {
    if (!has(components, "^main$"))
        return
    if (has(suites, "^(" codename "|(old)*stable)-backports$"))
        enabled = 1
    if (has(suites, "^" codename "$"))
        return "0"
    if (has(suites, "^(old)*stable$"))
        return "1"
}
function out(rank) {
    return sprintf("%s-%s-%02d.%s", folder "/" rank, order, ++count, ending)
}
END { exit !enabled }
'

# Comments may stand anywhere; a field goes on in lines that begin with a blank.
# shellcheck disable=SC2016
backports_awk_deb822='
BEGIN { off = "^(no|false|without|off|disable|0)$" }
function stanza(    i, rank) {
    if (has(value["types"], "^deb$") && !has(tolower(value["enabled"]), off)) {
        rank = judge(value["suites"], value["components"])
        if (rank != "" && folder != "") {
            file = out(rank)
            print "Types: deb" >file
            for (i = 1; i <= fields; i++) {
                if (name[i] ~ /^(types|suites|components|enabled)$/ || name[i] ~ /^x-/)
                    continue
                if (name[i] == "uris")
                    text[i] = text[i] "\nSuites: " codename "-backports\nComponents: main"
                print text[i] >file
            }
            close(file)
        }
    }
    fields = 0
    split("", value)
}
/^#/ { next }
/^[ \t]*$/ { stanza(); next }
/^[ \t]/ {
    if (fields) {
        text[fields] = text[fields] "\n" $0
        value[name[fields]] = value[name[fields]] " " $0
    }
    next
}
{
    colon = index($0, ":")
    name[++fields] = tolower(substr($0, 1, colon - 1))
    text[fields] = $0
    value[name[fields]] = substr($0, colon + 1)
}
END { stanza() }
'

# "deb [options] URI suite components # comment"; a # inside of the brackets is no comment.
# shellcheck disable=SC2016
backports_awk_oneline='
{
    options = ""
    rest = $0
    sub(/^[ \t]+/, "", rest)
    if (rest !~ /^deb[ \t]/)
        next
    sub(/^deb[ \t]+/, "", rest)
    if (match(rest, /^\[[^]]*\]/)) {
        options = substr(rest, 1, RLENGTH) " "
        rest = substr(rest, RLENGTH + 1)
    }
    sub(/#.*/, "", rest)
    sub(/^[ \t]+/, "", rest)
    if (rest ~ /^cdrom:/)
        next
    n = split(rest, word, /[ \t]+/)
    components = ""
    for (i = 3; i <= n; i++)
        components = components " " word[i]
    rank = judge(word[2], components)
    if (rank != "" && folder != "") {
        file = out(rank)
        print "deb " options word[1] " " codename "-backports main" >file
        close(file)
    }
}
'

# Reads every source file under $1 (apt's folder). Writes the entries that can be derived for
# release $2 into the folder $3, the likeliest first by name, each with the permissions of the file
# it comes from: an URI may hold a password. Returns 0 if the backports of the release are among the
# sources already.
backports_read() {
    local apt=$1 codename=$2 folder=$3 file program ending order=0 enabled=1
    for file in "$apt/sources.list" "$apt/sources.list.d"/*.list "$apt/sources.list.d"/*.sources; do
        case ${file##*/} in pgraft-backports.* | *[!A-Za-z0-9_.-]*) continue ;; esac
        [ -f "$file" ] || continue
        case $file in
            *.sources) program=$backports_awk_deb822 ending=sources ;;
            *) program=$backports_awk_oneline ending=list ;;
        esac
        order=$((order + 1))
        if LC_ALL=C awk -v codename="$codename" -v folder="$folder" -v ending="$ending" \
            -v order="$(printf %03d "$order")" "$program$backports_awk_common" "$file"; then
            enabled=0
        fi
        find "$folder" -name "[01]-$(printf %03d "$order")-*" -exec chmod --reference="$file" {} +
    done
    return "$enabled"
}

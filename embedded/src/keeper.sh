# The keeper: runs mongod while any process holds the write end of `door` open, and then for the time
# to linger, not longer. Plain POSIX sh; the working directory is the run directory.
#
# How each end is noticed, even after kill -9:
#   a user      holds `door` open for writing, and the kernel closes it. End of file: no user is left.
#   the keeper  holds `life` open for writing; the guard reads `life`, and takes over at its end.
#               Whoever of the two ends the server holds `life` open for reading until it has ended.
#   mongod      is waited for by a subshell of its own, which creates `gone.N` and writes to `door`.
#   the files   tell the keeper which process to end. If somebody removes them, the keeper ends without
#               them, and each node's watcher, which needs no file, ends the node.
# When `ack.<token>` appears, the keeper has read that user's line: from then on the keeper is in its
# loop, and cannot read the end of the file before that user has closed the door.
#
# Arguments: the run directory, mongod, number of nodes, seconds to linger, seconds to wait for the
# first user, the signal that ends mongod, then every directory to remove at the end.
#
# Files are made with `echo`: where `:` cannot redirect, as the directory was removed, it ends the shell.
set -u
run=$1 mongod=$2 nodes=$3 linger=$4 grace=$5 signal=$6
shift 6
holder=
# The terminal must not end the keeper: Ctrl-C and a closing window end the users, and the keeper
# notices that.
trap '' HUP INT QUIT TSTP PIPE

each() { # calls "$1 N" for every node
    n=0
    while [ "$n" -lt "$nodes" ]; do
        "$1" "$n"
        n=$((n + 1))
    done
}

start() {
    rm -f "gone.$1" "hold.$1" "pid.$1"
    (
        exec 3<&- 5>&- >"out.$1" 2>&1
        "$mongod" --config "$run/node.$1.conf" &
        pid=$!
        # The watcher: `life` ends when the keeper does, and by then the node should have ended.
        (
            read -r _ <life
            kill -s "$signal" "$pid"
            until_none_left note_child 750 || kill -s KILL "$pid"
        ) &
        watcher=$!
        echo "$pid" >"pid.$1"
        wait "$pid"
        kill -s KILL "$watcher"
        echo >"gone.$1"
        # Opened for reading, too, so that this does not block if the keeper no longer reads.
        [ ! -p door ] || echo gone 1<>door
    ) &
}

alive() {
    [ ! -e "gone.$1" ] && [ -s "pid.$1" ] && kill -0 "$(cat "pid.$1")" 2>/dev/null
}
note_alive() {
    if alive "$1"; then left=yes; fi
}
note_child() { # in the watcher, whose parent waits for the node: the process id is no other's
    if kill -0 "$pid" 2>/dev/null; then left=yes; fi
}
note_unborn() { # started a moment ago: its process id is not written yet, and it has not ended
    if [ ! -e "gone.$1" ] && [ ! -s "pid.$1" ]; then left=yes; fi
}
end() {
    if alive "$1"; then kill -s "$signal" "$(cat "pid.$1")" 2>/dev/null; fi
}

# Calls `$1` for every node, 50 times a second for at most `$2` turns, until no node is left.
until_none_left() {
    turn=0
    while [ "$turn" -lt "$2" ]; do
        left=
        each "$1"
        [ -n "$left" ] || return 0
        turn=$((turn + 1))
        sleep 0.02 2>/dev/null || { sleep 1; turn=$((turn + 49)); }
    done
    return 1
}

# Ends every node: sends the signal, waits for at most 15 s, sends KILL, waits for at most 5 s. Then
# removes the directories.
stop() {
    if [ ! -d "$run" ]; then # by the keeper's end, or by somebody
        rm -rf "$@"
        return 0
    fi
    # Who starts the next server looks for a reader of `life`: somebody still ends this one.
    [ ! -p life ] || exec 6<>life
    exec 3<&-
    echo >closing
    [ -z "$holder" ] || kill -s KILL "$holder" 2>/dev/null
    until_none_left note_unborn 50
    each end
    until_none_left note_alive 750 || {
        signal=KILL
        each end
        until_none_left note_alive 250
    }
    cd /
    rm -rf "$@"
}

# The guard: reads until the keeper has ended for whatever reason, then clears up if the keeper did
# not. What is left after that is a server whose files were removed: its watchers need a moment.
exec 5<>life 6<life 5>life # opened for both first: no open waits for another process
(
    exec 5>&-
    read -r _ <&6
    exec 6<&-
    stop "$@"
    for left in "$@"; do
        if [ -e "$left" ]; then
            sleep 1
            rm -rf "$@"
        fi
    done
) &
exec 6<&-

each start

exec 4<>door 3<door 4>door
sleep "$grace" >&4 4>&- 3<&- 5>&- &
holder=$!
exec 4>&-
while :; do
    heard=
    while read -r verb token node <&3; do
        case $token in *[!A-Za-z0-9]*) continue ;; esac
        case $verb in
        gone)
            # A single node ended by itself: no server is left. Of several nodes, one may end.
            if [ "$nodes" -eq 1 ] && [ -e gone.0 ] && [ ! -e hold.0 ]; then
                for log in log.0 out.0; do
                    [ ! -s "$log" ] || cp "$log" "../crash.$log"
                done
                # A process that waits for the start reads within this second what mongod wrote.
                sleep 1 3<&- 5>&-
                break 2
            fi
            continue
            ;;
        quit) break 2 ;;
        start) start "$node" ;;
        join) ;;
        *) continue ;;
        esac
        echo >"ack.$token"
        heard=yes
        if [ -n "$holder" ]; then
            kill -s KILL "$holder" 2>/dev/null
            wait "$holder" 2>/dev/null
            holder=
        fi
    done
    # No user holds the door. A whole round without a new user ends the server.
    [ -n "$heard" ] && [ "$linger" != 0 ] || break
    # Opened here and handed on, so that `sleep` holds the door before the next read.
    exec 4>door
    sleep "$linger" >&4 4>&- 3<&- 5>&- &
    holder=$!
    exec 4>&-
done
stop "$@"

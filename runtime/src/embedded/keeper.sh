# Keeps mongod alive while somebody holds the write end of `door` open, and not a moment longer
# than it was told to linger. Plain POSIX sh; the working directory is the run directory.
#
# How a death goes unmissed, whoever dies and however:
#   users     hold `door` open for writing; the kernel closes it for them. End of file = nobody left.
#   keeper    holds `life` open for writing; the guard reads it and takes over when the keeper is gone.
#   mongod    is waited for by a subshell of its own, which leaves `gone.N` and knocks at the door.
# A user knows that it was heard when `ack.<token>` appears: from then on the keeper is inside its
# loop, and cannot see the end of the file before that user has let go.
#
# Arguments: the run directory, mongod, number of nodes, seconds to linger, seconds to wait for the
# first user, the signal that ends mongod, then every directory to remove at the end.
set -u
run=$1 mongod=$2 nodes=$3 linger=$4 grace=$5 signal=$6
shift 6
holder=
# Not the terminal's to stop: Ctrl-C and a closing window are for the users, whose end we notice.
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
        echo "$pid" >"pid.$1"
        wait "$pid"
        : >"gone.$1"
        # Opened both ways, so that it does not block when nobody reads any more.
        echo gone 1<>door
    ) &
}

alive() {
    [ ! -e "gone.$1" ] && [ -s "pid.$1" ] && kill -0 "$(cat "pid.$1")" 2>/dev/null
}
note_alive() {
    if alive "$1"; then left=yes; fi
}
note_unborn() { # started a moment ago: neither its process nor its end is known yet
    if [ ! -e "gone.$1" ] && [ ! -s "pid.$1" ]; then left=yes; fi
}
end() {
    if alive "$1"; then kill -s "$signal" "$(cat "pid.$1")" 2>/dev/null; fi
}

# Asks `$1` about every node, 50 times a second for at most `$2` turns, until none is left.
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

# Ends every node: asks, waits for at most 15 s, insists, waits for at most 5 s.
stop() {
    [ -d "$run" ] || return 0
    exec 3<&-
    : >closing
    [ -z "$holder" ] || kill "$holder" 2>/dev/null
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

# The guard: reads until the keeper is gone for whatever reason, then clears up if it did not.
( read -r _ <life; stop "$@" ) &
exec 5>life

each start

sleep "$grace" >door 3<&- 5>&- &
holder=$!
exec 3<door
while :; do
    heard=
    while read -r verb token node <&3; do
        case $token in *[!A-Za-z0-9]*) continue ;; esac
        case $verb in
        gone)
            # One node died by itself: there is nothing left to share. Of several, one may be spared.
            if [ "$nodes" -eq 1 ] && [ -e gone.0 ] && [ ! -e hold.0 ]; then
                for log in log.0 out.0; do
                    [ ! -s "$log" ] || cp "$log" "../crash.$log"
                done
                # Whoever waits for it to start looks soon, and reads here what it said.
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
        : >"ack.$token"
        heard=yes
        if [ -n "$holder" ]; then
            kill "$holder" 2>/dev/null
            wait "$holder" 2>/dev/null
            holder=
        fi
    done
    # Nobody holds the door. A whole round without a newcomer ends it.
    [ -n "$heard" ] && [ "$linger" != 0 ] || break
    # Opened here and handed on, so that the door is held before we look at it again.
    exec 4>door
    sleep "$linger" >&4 4>&- 3<&- 5>&- &
    holder=$!
    exec 4>&-
done
stop "$@"

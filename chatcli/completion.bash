# Completion of Roomline's commands in bash: options, their values, and the names of rooms and users.
#
#     source /srv/chat/chatcli/completion.bash      # in ~/.bashrc
#
# It is for ./manage.py, manage.py and python manage.py. Other commands of Django are completed as Django does it.
# For macOS it is written in what bash 3.2 knows.

_roomline_programs() {
    # the words that run manage.py, as they are typed, into $program; false if it is another program
    local word last=0
    program=()
    [[ ${COMP_WORDS[0]} == *manage.py* ]] || last=1
    for word in "${COMP_WORDS[@]:0:last+1}"; do
        [[ $word == *[\$\`\(\)]* ]] && return 1 # nothing is evaluated
        word=${word//[\"\'\\]/}
        [[ $word == \~/* ]] && word=$HOME/${word#\~/}
        program+=("$word")
    done
    [[ ${program[last]##*/} == manage.py ]] && ((COMP_CWORD > last))
}

_roomline_files() {
    compopt -o default -o bashdefault 2>/dev/null || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}

_roomline_lines() {
    # each line of standard input is a candidate
    local line
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done
}

_roomline() {
    local program place kind
    COMPREPLY=()
    _roomline_programs || { _roomline_files; return; }
    place=${#program[@]}
    case $COMP_CWORD,${COMP_WORDS[place]} in
        "$place",*) ;;
        *,chat_backup | *,chat_bench | *,chat_check | *,chat_prune | *,chat_restore | *,chat_rooms | *,chat_send | *,chat_tail | *,chat_token | *,chat_user | *,create_room | *,runchat)
            {
                IFS= read -r kind
                _roomline_lines
            } < <("${program[@]}" "${COMP_WORDS[place]}" --complete "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" \
                2>/dev/null </dev/null)
            [[ $kind == files ]] && _roomline_files
            return
            ;;
    esac
    _roomline_lines < <(env DJANGO_AUTO_COMPLETE=1 COMP_WORDS="manage.py ${COMP_WORDS[*]:place}" \
        COMP_CWORD=$((COMP_CWORD - place + 1)) "${program[@]}" 2>/dev/null </dev/null | tr ' ' '\n')
}

complete -F _roomline manage.py
complete -F _roomline python python3 python3.11 python3.12 python3.13 python3.14

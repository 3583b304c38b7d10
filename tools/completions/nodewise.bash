# bash completion for nodewise. It asks the command itself, which knows its verbs, options and values.
# By hand: nodewise completions bash > ~/.local/share/bash-completion/completions/nodewise

# Sets words (the command line as the user wrote it: bash cuts words at "=" and ":" as well), at (for each of them, where it
# begins in COMP_WORDS) and value (what is typed of the last one, behind "--option=").
_nodewise_words() {
  local rest=${COMP_LINE:0:COMP_POINT} i word
  words=() at=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    local blanks=${rest%%[![:space:]]*}
    rest=${rest#"$blanks"}
    ((i == COMP_CWORD)) && word=$rest
    if ((i == 0)) || [[ -n $blanks ]]; then
      words+=("$word") at+=("$i")
    else
      words[-1]+=$word
    fi
    rest=${rest#"$word"}
  done
  value=${words[-1]}
  [[ $value == --*=* ]] && value=${value#*=}
}

# The command that begins with that word, as if it stood alone.
_nodewise_command() {
  if declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  elif ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "$value")
  else
    compopt -o default
  fi
}

_nodewise_files() {
  local ending=$1 found
  compopt -o filenames
  if [[ $ending == "*" ]]; then
    mapfile -t found < <(compgen -f -- "$value")
  else
    mapfile -t found < <(compgen -d -- "$value"; compgen -f -X "!*.$ending" -- "$value")
  fi
  COMPREPLY+=("${found[@]}")
}

_nodewise() {
  local words at value line head candidate text width=0
  _nodewise_words
  COMPREPLY=()
  {
    read -r head
    case $head in
    command*)
      _nodewise_command "${at[${head#* } + 1]}"
      return
      ;;
    files*) _nodewise_files "${head#* }" ;;
    esac
    local candidates=() texts=()
    while IFS=$'\t' read -r candidate text; do
      [[ $candidate == "$value"* ]] || continue
      candidates+=("$candidate") texts+=("$text")
      ((${#candidate} > width)) && width=${#candidate}
    done
  } < <("${words[0]/#\~/$HOME}" complete "${words[@]:1}" 2>/dev/null)
  # What bash holds for the word begins behind the last "=" or ":".
  local before=${value%"${value##*[=:]}"} i
  [[ $COMP_WORDBREAKS == *[=:]* ]] || before=
  for ((i = 0; i < ${#candidates[@]}; i++)); do
    line=${candidates[i]#"$before"}
    [[ ${candidates[i]} == *[=/:] ]] && compopt -o nospace
    # A list is shown with what the words mean; a single word is put on the line.
    if [[ $COMP_TYPE == 63 && -n ${texts[i]} ]] && ((${#candidates[@]} + ${#COMPREPLY[@]} > 1)); then
      printf -v line '%-*s  %.*s' "$((width - ${#before}))" "$line" "$((${COLUMNS:-80} - width - 6))" "(${texts[i]})"
    fi
    COMPREPLY+=("$line")
  done
}
complete -o nosort -F _nodewise nodewise

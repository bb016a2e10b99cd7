# Completion of layoutfs for bash, with the package bash-completion. What may follow is known to `layoutfs __complete`.

# Sets REPLY to $1 without its quotes, and $2 to the quote that is still open.
_layoutfs_unquote() {
  local i c open=
  REPLY=
  for ((i = 0; i < ${#1}; i++)); do
    c=${1:i:1}
    if [[ $c == \\ && $open != "'" ]]; then
      ((++i))
      REPLY+=${1:i:1}
    elif [[ $open && $c == "$open" ]]; then
      open=
    elif [[ ! $open && $c == [\"\'] ]]; then
      open=$c
    else
      REPLY+=$c
    fi
  done
  printf -v "$2" %s "$open"
}

_layoutfs() {
  local cur prev words cword
  _init_completion -n :=@ || return
  local words_before=() word quote
  for word in "${words[@]:1:cword-1}"; do
    _layoutfs_unquote "$word" quote
    words_before+=("$REPLY")
  done
  _layoutfs_unquote "$cur" quote
  local plain=$REPLY typed=$cur answer
  mapfile -t answer < <(command layoutfs __complete "${words_before[@]}" "$plain" 2>/dev/null)

  local kind prefix line
  IFS=$'\t' read -r kind prefix <<<"${answer[0]-}"
  cur=${typed#"$prefix"}
  case $kind in
    files) _filedir ;;
    directories) _filedir -d ;;
    *) prefix= ;;
  esac
  COMPREPLY=("${COMPREPLY[@]/#/$prefix}")

  for line in "${answer[@]:1}"; do
    word=${line%%$'\t'*}
    [[ $word != *[=:,/] ]] || compopt -o nospace
    if [[ ! $quote ]]; then
      # As it was typed, and behind that as the shell would read it: a name may hold anything.
      printf -v word %q "${word:${#plain}}"
      [[ $word != "''" ]] || word=
      COMPREPLY+=("$typed$word")
    elif [[ $word != *[\"\'\\\$\`!]* ]]; then
      COMPREPLY+=("$word")
    fi
  done

  # Readline replaces only what stands behind the last of its word breaks.
  local breaks=${COMP_WORDBREAKS//[^:=@]/} i
  if [[ $breaks && ! $quote ]]; then
    for i in "${!COMPREPLY[@]}"; do
      COMPREPLY[i]=${COMPREPLY[i]#"${typed%"${typed##*["$breaks"]}"}"}
    done
  fi
} && complete -F _layoutfs layoutfs

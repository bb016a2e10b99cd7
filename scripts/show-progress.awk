# Shows the output of ninja with NINJA_STATUS='@ %f %t %e @' as one line of progress, with an estimate of the time
# left, above which the errors of compilers stay.

function clear_line() {
  if (is_shown) printf "\r\033[K"
  is_shown = 0
}

function duration(seconds) {
  return seconds < 90 ? int(seconds + 0.5) " s" : int(seconds / 60 + 0.5) " min"
}

/^@ *[0-9]+ [0-9]+ [0-9.]+ @Re-checking/ { next }

/^@ *[0-9]+ [0-9]+ [0-9.]+ @/ {
  clear_line()
  percent = $3 > 0 ? int(100 * $2 / $3) : 100
  printf "Building ... %d %% (%d of %d)", percent, $2, $3
  if ($2 > 2 && $2 < $3) printf ", about %s left", duration($4 * ($3 - $2) / $2)
  fflush()
  is_shown = 1
  next
}

/^ninja: (no work to do|Entering directory)/ { next }

{
  clear_line()
  print
  fflush()
}

END { if (is_shown) print "" }

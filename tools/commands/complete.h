// `layoutfs __complete WORD...`, which the shells run when the user presses the tab key. --help does not list
// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/command_line.h"

namespace layoutfs::tools {

inline constexpr std::string_view kCompleteCommand = "__complete";

// Completes the last of `words`, which may be empty. `words` are the words after the program's name, up to
// the cursor. `program` gives the kind of the last word: the name of an operand, the type name of an option's
// value. "on|off" is one of two words, DIR is a directory.
//
// Prints "words", "files" or "directories" on the first line: the shell completes the word with these. If
// they follow a prefix in the same word, a tab and the prefix follow. Each further line is a possible word,
// with its meaning after a tab. A word that ends in '=' is incomplete. Names with control characters are left
// out.
//
// Reads only the references and blobs of the layout, the files of the image (complete_image.h), or the names
// of the store that the words name. Prints nothing on stderr. Ends after at most ten seconds.
int complete(const CommandDescription& program, std::vector<std::string> words);

}  // namespace layoutfs::tools

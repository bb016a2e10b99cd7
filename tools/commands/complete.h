// `layoutfs __complete WORD...`: what the shells ask when somebody presses the tab key. It is no command, so
// that --help need not list it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/command_line.h"

namespace layoutfs::tools {

inline constexpr std::string_view kCompleteCommand = "__complete";

// `words` are those behind the program's name, up to the cursor; the last one, which may be empty, is
// completed by what `program` takes there. The kind of an operand is its name, that of an option's value its
// type name, as --help shows them: "on|off" are two words, DIR is a directory.
//
// Prints a line, "words", "files" or "directories": what the shell adds itself to the rest of the word behind
// PREFIX, where that follows after a tab. Then a line for each word that it may become, and behind a tab what
// it means; one that ends in '=' is to be continued. Names with control characters are left out.
//
// Reads the references and blobs of a layout, or the names in a store of repositories, that stands in the
// words, and never more; ends without a word on stderr, after ten seconds at the latest.
int complete(const CommandDescription& program, std::vector<std::string> words);

}  // namespace layoutfs::tools

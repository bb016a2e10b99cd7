#include "tools/cli/suggestion.h"

#include <algorithm>
#include <array>

#include "core/base/split.h"

namespace layoutfs::tools {
namespace {

struct Synonyms {
  std::string_view word;
  std::string_view meanings;  // the first known one is the suggestion
};
constexpr std::array kSynonyms{
    Synonyms{"list", "ls"},          Synonyms{"dir", "ls"},
    Synonyms{"remove", "rm"},        Synonyms{"delete", "rm"},
    Synonyms{"del", "rm"},           Synonyms{"unmount", "umount"},
    Synonyms{"cp", "copy"},          Synonyms{"save", "copy"},
    Synonyms{"export", "copy"},      Synonyms{"add", "put"},
    Synonyms{"set", "put"},          Synonyms{"store", "put"},
    Synonyms{"write", "put"},        Synonyms{"create", "init put build"},
    Synonyms{"new", "init put"},     Synonyms{"show", "inspect get"},
    Synonyms{"info", "inspect get"}, Synonyms{"cat", "get"},
    Synonyms{"print", "cat get"},    Synonyms{"read", "cat get"},
    Synonyms{"fetch", "pull get"},   Synonyms{"check", "fsck verify"},
    Synonyms{"verify", "fsck"},      Synonyms{"prune", "gc"},
    Synonyms{"run", "chroot"},       Synonyms{"exec", "chroot"},
    Synonyms{"shell", "chroot"},     Synonyms{"repositories", "repos"},
    Synonyms{"catalog", "repos"},    Synonyms{"unpack", "extract"},
    Synonyms{"name", "tag"},         Synonyms{"ps", "mounts"},
};

}  // namespace

std::string synonym_of(std::string_view word, std::span<const std::string> known) {
  const auto found = std::ranges::find(kSynonyms, word, &Synonyms::word);
  if (found == kSynonyms.end()) return "";
  for (const std::string& meaning : split(found->meanings, ' '))
    if (std::ranges::find(known, meaning) != known.end()) return meaning;
  return "";
}

}  // namespace layoutfs::tools

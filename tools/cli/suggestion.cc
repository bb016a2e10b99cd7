#include "tools/cli/suggestion.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "core/base/edit_distance.h"
#include "core/base/split.h"

namespace layoutfs::tools {
namespace {

constexpr std::size_t kFar = std::numeric_limits<std::size_t>::max();

// Returns whether `known` contains the letters of `word` in the same order, and both begin with the same
// letter.
bool abbreviates(std::string_view word, std::string_view known) {
  if (word.size() < 3 || word.size() >= known.size() || word.front() != known.front()) return false;
  for (const char letter : word) {
    const auto at = known.find(letter);
    if (at == std::string_view::npos) return false;
    known.remove_prefix(at + 1);
  }
  return true;
}

bool has_same_letters(std::string_view word, std::string_view known) {
  return word.size() == known.size() && std::ranges::is_permutation(word, known);
}

std::size_t distance_of(std::string_view word, std::string_view known) {
  const std::size_t distance = edit_distance(word, known);
  const std::size_t bearable = std::min<std::size_t>(word.size() / 3, 3);
  if (distance <= bearable || (distance <= 2 && has_same_letters(word, known))) return distance;
  // Abbreviations rank after all misspellings.
  constexpr std::size_t kAbbreviation = 64;
  if (word.size() >= 2 && known.starts_with(word)) return kAbbreviation + known.size();
  return abbreviates(word, known) ? 2 * kAbbreviation + known.size() : kFar;
}

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

std::string nearest_word(std::string_view word, std::span<const std::string> known) {
  std::string nearest;
  std::size_t least = kFar;
  for (const std::string& each : known) {
    const std::size_t distance = distance_of(word.substr(0, 64), each);
    if (distance >= least) continue;
    least = distance;
    nearest = each;
  }
  return nearest;
}

}  // namespace layoutfs::tools

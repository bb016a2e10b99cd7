#include "core/base/nearest_word.h"

#include <algorithm>

#include "core/base/edit_distance.h"

namespace layoutfs {
namespace {

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

}  // namespace

void NearestWord::take(std::string_view known) {
  least_ = distance_of(known);
  nearest_ = known;
}

std::size_t NearestWord::distance_of(std::string_view known) const {
  const std::size_t distance = edit_distance(word_, known);
  const std::size_t bearable = std::min<std::size_t>(word_.size() / 3, 3);
  if (distance <= bearable || (distance <= 2 && has_same_letters(word_, known))) return distance;
  // Abbreviations rank after all misspellings.
  constexpr std::size_t kAbbreviation = 64;
  if (word_.size() >= 2 && known.starts_with(word_)) return kAbbreviation + known.size();
  return abbreviates(word_, known) ? 2 * kAbbreviation + known.size() : kFar;
}

}  // namespace layoutfs

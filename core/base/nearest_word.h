// The known word that a misspelled one was meant to be.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace layoutfs {

// Finds the nearest of several known words; the first of equal ones. A known word is near if it differs in at
// most one letter of three, and three letters, or in the order of two letters; or, ranked after those, if
// the misspelled word is its prefix or abbreviation ("mnt" for "mount").
class NearestWord {
 public:
  // Only the first 64 letters of `word` count.
  explicit NearestWord(std::string_view word) : word_(word.substr(0, 64)) {}

  // Returns whether `known` is nearer than all words that were taken. Cost: the product of the lengths.
  bool is_nearer(std::string_view known) const { return distance_of(known) < least_; }
  void take(std::string_view known);
  // Takes `known` if it is nearer.
  void consider(std::string_view known) {
    if (is_nearer(known)) take(known);
  }
  // Returns the word that was taken last; empty if none is near.
  const std::string& found() const noexcept { return nearest_; }

 private:
  static constexpr std::size_t kFar = std::numeric_limits<std::size_t>::max();
  std::size_t distance_of(std::string_view known) const;

  std::string word_;
  std::string nearest_;
  std::size_t least_ = kFar;
};

// Returns the nearest of `known`, or an empty string.
template <class Words>
std::string nearest_word(std::string_view word, const Words& known) {
  NearestWord nearest(word);
  for (const std::string_view each : known) nearest.consider(each);
  return nearest.found();
}

}  // namespace layoutfs

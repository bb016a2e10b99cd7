// The conditions of find(1), for the files of an image.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "core/explain/tree_walk.h"
#include "core/image/image_tree.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A parsed expression. Immutable; any number of threads may use it.
//
// Conditions: -name, -iname, -path (-wholename), -ipath (-iwholename), -lname, -ilname GLOB; -type LETTERS;
// -size [+-]N[cwbkMG]; -perm MODE, -MODE, /MODE, in octal; -uid (-user), -gid (-group), -links [+-]N; -empty;
// -newermt TIME; -layer N, for regular files with their content in layer N; -true, -false. Operators, in the
// order of their precedence: parentheses; !, -not; -a, -and, or none; -o, -or. -mindepth and -maxdepth N
// apply to the whole expression, at any position. All of them mean the same as in GNU find in the C locale:
// patterns are those of fnmatch(3), match bytes, and in -path '*' matches '/'. Sizes are those of the image:
// a directory has 0.
class FindExpression {
 public:
  // The output that the last word asks for: -print, -print0 or -ls.
  enum class Format { unspecified, lines, nul, attributes };

  // Parses the words of an expression; none is true for every file. Errc::invalid_argument, naming the word,
  // with a hint if there is one.
  static Result<FindExpression> parse(std::span<const std::string> words);
  FindExpression(FindExpression&& other) noexcept;
  FindExpression& operator=(FindExpression&&) noexcept;
  ~FindExpression();

  // Returns whether the conditions hold, without those on the depth. `tree` is the tree of the file.
  bool matches(const ImageTree& tree, const WalkedFile& file) const;
  std::size_t min_depth() const noexcept;
  std::size_t max_depth() const noexcept;
  Format format() const noexcept;

  // Returns whether find(1) takes `word` as the first one of an expression, not as a path.
  static bool is_start(const std::string& word);

  // Parentheses and their likes that may be open at the same time.
  static constexpr std::size_t kMaxNesting = 200;

 private:
  struct State;
  explicit FindExpression(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace layoutfs

#include "core/explain/line_pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "core/base/split.h"
#include "core/base/utf8.h"

namespace layoutfs {
namespace {

// Translates one pattern from left to right.
class Translation {
 public:
  Translation(std::string_view pattern, PatternSyntax syntax)
      : pattern_(pattern), is_basic_(syntax == PatternSyntax::basic) {}

  Result<std::string> run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '[') {
        copy_brackets();
      } else if (c == '\\') {
        if (auto done = escape(); !done) return fail(std::move(done).error());
      } else {
        is_basic_ ? basic(c) : extended(c);
        ++at_;
      }
    }
    return std::move(result_);
  }

 private:
  bool is_next(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }

  void put(std::string_view text, bool starts = false) {
    result_ += text;
    is_start_ = starts;
  }

  // POSIX, 9.3.5: '\' is an ordinary character in brackets, for RE2 it is not.
  void copy_brackets() {
    put("[");
    ++at_;
    if (is_next("^")) result_ += pattern_[at_++];
    if (is_next("]")) {
      result_ += "\\]";
      ++at_;
    }
    while (at_ < pattern_.size() && pattern_[at_] != ']') {
      const std::size_t end = is_next("[:") ? pattern_.find(":]", at_ + 2) : std::string_view::npos;
      if (end != std::string_view::npos) {
        result_ += pattern_.substr(at_, end + 2 - at_);
        at_ = end + 2;
        continue;
      }
      if (pattern_[at_] == '\\' || pattern_[at_] == '[') result_ += '\\';
      result_ += pattern_[at_++];
    }
    if (at_ < pattern_.size()) result_ += pattern_[at_++];
  }

  Status escape() {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    at_ += 2;
    if (c >= '1' && c <= '9') return fail(Errc::unsupported, "back references are not supported");
    if (is_basic_ && c != '\0' && std::string_view("(){}|+?").contains(c))
      put_operator(c);
    else if (c == '<' || c == '>')
      put("\\b");
    else if (c == '`' || c == '\'')
      put(c == '`' ? "^" : "$");
    else if (c == '\0')
      put("\\");  // RE2 reports it
    else
      put(std::string{'\\', c});
    return {};
  }

  void put_operator(char c) {
    put(std::string(1, c), c == '(' || c == '|');
    if (c == '{' && is_next(",")) result_ += '0';
  }

  // POSIX, 9.3: in basic expressions these are ordinary characters, depending on their position.
  void basic(char c) {
    const std::string_view rest = pattern_.substr(at_ + 1);
    const bool is_end = rest.empty() || rest.starts_with("\\)") || rest.starts_with("\\|");
    if (std::string_view("(){}|+?").contains(c) || (c == '*' && is_start_) ||
        (c == '^' && (!is_start_ || result_.ends_with('^'))) || (c == '$' && !is_end))
      put(std::string{'\\', c});
    else
      put(std::string(1, c), c == '^');
  }

  void extended(char c) {
    // GNU: a repetition of nothing is an ordinary character.
    if (c == '*' && is_start_) return put("\\*");
    put(std::string(1, c), c == '(' || c == '|' || c == '^');
    if (c == '{' && pattern_.substr(at_ + 1).starts_with(",")) result_ += '0';
  }

  const std::string_view pattern_;
  const bool is_basic_;
  std::size_t at_ = 0;
  bool is_start_ = true;  // of the expression, or of an alternative
  std::string result_;
};

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string framed(const std::string& pattern, const PatternOptions& options) {
  if (options.is_line) return "^(" + pattern + ")$";
  if (options.is_word) return "(^|\\W)(" + pattern + ")(\\W|$)";
  return "(" + pattern + ")";
}

}  // namespace

struct LinePattern::State {
  std::unique_ptr<const RE2> expression;
  // If only whole words match: without what must be around a word, which is a part of the match above.
  std::unique_ptr<const RE2> inside;

  std::size_t word_size(std::string_view line, std::size_t at, std::size_t longest) const;
};

LinePattern::LinePattern(std::unique_ptr<const State> state) : state_(std::move(state)) {}
LinePattern::LinePattern(LinePattern&&) noexcept = default;
LinePattern& LinePattern::operator=(LinePattern&&) noexcept = default;
LinePattern::~LinePattern() = default;

Result<std::string> to_re2(std::string_view pattern, PatternSyntax syntax) {
  if (syntax == PatternSyntax::fixed) return RE2::QuoteMeta(pattern);
  return Translation(pattern, syntax).run();
}

Result<LinePattern> LinePattern::compile(const std::vector<std::string>& patterns,
                                         const PatternOptions& options) {
  RE2::Options settings;
  settings.set_posix_syntax(true);
  settings.set_perl_classes(true);
  settings.set_word_boundary(true);
  settings.set_never_nl(true);
  settings.set_longest_match(true);  // POSIX, 9.1; for matches_in
  settings.set_log_errors(false);
  settings.set_case_sensitive(!options.ignores_case);
  const bool has_characters = std::ranges::any_of(
      patterns, [](const std::string& pattern) { return !is_ascii(pattern) && is_utf8(pattern); });
  settings.set_encoding(has_characters ? RE2::Options::EncodingUTF8 : RE2::Options::EncodingLatin1);
  std::string all, inside;
  for (const std::string& several : patterns) {
    for (const std::string& pattern : split(several, '\n')) {
      const auto wrong = [&](const std::string& why) {
        return fail(Errc::invalid_argument, "pattern '" + pattern + "': " + why);
      };
      const auto translated = to_re2(pattern, options.syntax);
      if (!translated) return wrong(translated.error().message());
      // Alone first, so that the error names it.
      if (const RE2 alone(*translated, settings); !alone.ok()) return wrong(alone.error());
      all += (all.empty() ? "" : "|") + framed(*translated, options);
      inside += (inside.empty() ? "(" : "|(") + *translated + ")";
    }
  }
  auto state = std::make_unique<State>();
  state->expression = std::make_unique<const RE2>(all, settings);
  if (!state->expression->ok())
    return fail(Errc::invalid_argument, "the patterns together: " + state->expression->error());
  if (options.is_word && !options.is_line) state->inside = std::make_unique<const RE2>(inside, settings);
  return LinePattern(std::move(state));
}

std::optional<std::size_t> LinePattern::find_line(std::string_view lines, std::size_t from) const {
  // After the last '\n' there is no line.
  if (from >= lines.size()) return std::nullopt;
  const std::string_view text = lines.ends_with('\n') ? lines.substr(0, lines.size() - 1) : lines;
  re2::StringPiece match;
  if (!state_->expression->Match(re2::StringPiece(text.data(), text.size()), from, text.size(),
                                 RE2::UNANCHORED, &match, 1))
    return std::nullopt;
  const auto at = static_cast<std::size_t>(match.data() - text.data());
  const std::size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
  return before == std::string_view::npos ? 0 : before + 1;
}

// Returns the size of the longest match at `at` that is a whole word, at most `longest`, that of the longest
// match; 0 if there is none.
std::size_t LinePattern::State::word_size(std::string_view line, std::size_t at, std::size_t longest) const {
  if (at > 0 && is_word_byte(line[at - 1])) return 0;
  for (std::size_t size = longest; size > 0;) {
    if (at + size == line.size() || !is_word_byte(line[at + size])) return size;
    // A shorter match may end before the word byte that follows.
    re2::StringPiece shorter;
    if (!inside->Match(re2::StringPiece(line.data(), line.size()), at, at + size - 1, RE2::ANCHOR_START,
                       &shorter, 1))
      return 0;
    size = shorter.size();
  }
  return 0;
}

std::vector<std::string_view> LinePattern::matches_in(std::string_view line) const {
  const RE2& expression = state_->inside ? *state_->inside : *state_->expression;
  std::vector<std::string_view> found;
  for (std::size_t from = 0; from <= line.size();) {
    re2::StringPiece match;
    if (!expression.Match(re2::StringPiece(line.data(), line.size()), from, line.size(), RE2::UNANCHORED,
                          &match, 1))
      break;
    const auto at = static_cast<std::size_t>(match.data() - line.data());
    const std::size_t size = state_->inside ? state_->word_size(line, at, match.size()) : match.size();
    if (size > 0) found.push_back(line.substr(at, size));
    from = at + std::max<std::size_t>(size, 1);
  }
  return found;
}

}  // namespace layoutfs

// A recursive descent parser makes a tree of nodes: conditions at the leaves, and operators with any number
// of operands, so the depth of the tree is that of the parentheses, which is bounded.
#include "core/explain/find_expression.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/nearest_word.h"
#include "core/explain/find_conditions.h"

namespace layoutfs {
namespace {

struct Node {
  enum class Kind : std::uint8_t { test, all, any };
  Kind kind = Kind::all;  // without operands: true
  bool is_negated = false;
  FileTest test;
  std::vector<Node> operands;
};

bool holds(const Node& node, const Candidate& candidate) {
  const auto each = [&](const Node& operand) { return holds(operand, candidate); };
  bool result = false;
  switch (node.kind) {
    case Node::Kind::test:
      result = node.test(candidate);
      break;
    case Node::Kind::all:
      result = std::ranges::all_of(node.operands, each);
      break;
    case Node::Kind::any:
      result = std::ranges::any_of(node.operands, each);
      break;
  }
  return result != node.is_negated;
}

// Actions of find(1) that change, run or write something.
constexpr std::string_view kActions[] = {"-delete", "-exec",    "-execdir", "-ok",     "-okdir",
                                         "-fprint", "-fprint0", "-fls",     "-printf", "-fprintf"};

bool is_or(std::string_view word) { return word == "-o" || word == "-or"; }
bool is_and(std::string_view word) { return word == "-a" || word == "-and"; }
bool is_not(std::string_view word) { return word == "!" || word == "-not"; }
bool is_depth(std::string_view word) { return word == "-mindepth" || word == "-maxdepth"; }

FindExpression::Format format_of(std::string_view word) {
  using enum FindExpression::Format;
  return word == "-print" ? lines : word == "-print0" ? nul : word == "-ls" ? attributes : unspecified;
}

std::unexpected<Error> wrong(const std::string& message) { return fail(Errc::invalid_argument, message); }

Error unknown(const std::string& word) {
  if (std::ranges::find(kActions, word) != std::end(kActions))
    return Error(Errc::invalid_argument,
                 "'" + word + "': an image cannot be changed, and nothing is run for its files")
        .with_hint("pass the paths to another program: ... -print0 | xargs -0 ...");
  if (!word.starts_with('-') || word.size() == 1)
    return Error(Errc::invalid_argument, "unexpected word '" + word + "'")
        .with_hint("paths precede the first condition, and patterns need quotes: -name '*.conf'");
  if (word.starts_with("--"))
    return Error(Errc::invalid_argument, "unexpected option '" + word + "'")
        .with_hint("options precede the image");
  std::vector<std::string> known{"-maxdepth", "-mindepth", "-print", "-print0", "-ls", "-not", "-and", "-or"};
  for (const FindCondition& condition : find_conditions()) known.emplace_back(condition.name);
  const std::string meant = nearest_word(word, known);
  return Error(Errc::invalid_argument,
               "unknown condition '" + word + "'" + (meant.empty() ? "" : "; did you mean '" + meant + "'?"));
}

class Parser {
 public:
  explicit Parser(std::span<const std::string> words) : words_(words) {}

  Result<Node> parse() {
    auto node = words_.empty() ? Result<Node>(Node()) : parse_any();
    if (!node) return node;
    if (next_ < words_.size()) return wrong("')' without '('");
    return node;
  }
  std::size_t min_depth() const { return min_depth_; }
  std::size_t max_depth() const { return max_depth_; }

 private:
  bool has(bool (*is_word)(std::string_view)) const {
    return next_ < words_.size() && is_word(words_[next_]);
  }
  bool has(std::string_view word) const { return next_ < words_.size() && words_[next_] == word; }

  Result<Node> parse_any() {
    Node node{.kind = Node::Kind::any, .test = {}, .operands = {}};
    do {
      auto operand = parse_all();
      if (!operand) return operand;
      node.operands.push_back(std::move(*operand));
    } while (has(is_or) && ++next_ > 0);
    return node;
  }

  Result<Node> parse_all() {
    Node node;
    do {
      auto operand = parse_negation();
      if (!operand) return operand;
      node.operands.push_back(std::move(*operand));
      if (has(is_and))
        ++next_;
      else if (next_ == words_.size() || has(is_or) || has(")"))
        return node;
    } while (true);
  }

  Result<Node> parse_negation() {
    bool is_negated = false;
    for (; has(is_not); ++next_) is_negated = !is_negated;
    auto node = parse_primary();
    if (node) node->is_negated = is_negated;
    return node;
  }

  Result<Node> parse_primary() {
    if (next_ == words_.size()) return wrong("a condition is missing after '" + words_[next_ - 1] + "'");
    const std::string& word = words_[next_];
    if (is_or(word) || is_and(word) || word == ")")
      return wrong(next_ == 0
                       ? "'" + word + "' without a condition before it"
                       : "a condition is missing between '" + words_[next_ - 1] + "' and '" + word + "'");
    ++next_;
    if (word == "(") return parse_parentheses();
    if (is_depth(word)) return parse_depth(word);
    if (format_of(word) != FindExpression::Format::unspecified)
      return wrong("'" + word + "' must be the last word; it applies to the whole expression");
    for (const FindCondition& condition : find_conditions())
      if (word == condition.name) return parse_condition(condition);
    return fail(unknown(word));
  }

  Result<Node> parse_parentheses() {
    if (++nesting_ > FindExpression::kMaxNesting)
      return wrong("more than " + std::to_string(FindExpression::kMaxNesting) + " parentheses are open");
    auto node = parse_any();
    if (!node) return node;
    if (!has(")")) return wrong("'(' without ')'");
    ++next_;
    --nesting_;
    // Keeps a negation of the parentheses apart.
    Node outer;
    outer.operands.push_back(std::move(*node));
    return outer;
  }

  Result<Node> parse_condition(const FindCondition& condition) {
    const std::string name(condition.name);
    std::string value;
    if (!condition.kind.empty()) {
      if (next_ == words_.size())
        return wrong("'" + name + "' needs a value: " + std::string(condition.kind));
      value = words_[next_++];
    }
    auto test = condition.make(name, value);
    if (!test) return fail(std::move(test).error());
    return Node{.kind = Node::Kind::test, .test = std::move(*test), .operands = {}};
  }

  // Is true for every file.
  Result<Node> parse_depth(const std::string& name) {
    if (next_ == words_.size()) return wrong("'" + name + "' needs a value: N");
    const std::string& value = words_[next_++];
    std::size_t depth = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), depth);
    if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size())
      return wrong(name + " " + value + ": expected a plain number");
    (name == "-mindepth" ? min_depth_ : max_depth_) = depth;
    return Node();
  }

  std::span<const std::string> words_;
  std::size_t next_ = 0;
  std::size_t nesting_ = 0;
  std::size_t min_depth_ = 0, max_depth_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace

struct FindExpression::State {
  Node root;
  std::size_t min_depth, max_depth;
  Format format = Format::unspecified;
};

FindExpression::FindExpression(std::unique_ptr<State> state) : state_(std::move(state)) {}
FindExpression::FindExpression(FindExpression&&) noexcept = default;
FindExpression& FindExpression::operator=(FindExpression&&) noexcept = default;
FindExpression::~FindExpression() = default;

Result<FindExpression> FindExpression::parse(std::span<const std::string> words) {
  const Format format = words.empty() ? Format::unspecified : format_of(words.back());
  if (format != Format::unspecified) words = words.first(words.size() - 1);
  Parser parser(words);
  auto root = parser.parse();
  if (!root) return fail(std::move(root).error());
  return FindExpression(
      std::make_unique<State>(State{std::move(*root), parser.min_depth(), parser.max_depth(), format}));
}

bool FindExpression::matches(const ImageTree& tree, const WalkedFile& file) const {
  return holds(state_->root, {tree, file});
}

std::size_t FindExpression::min_depth() const noexcept { return state_->min_depth; }
std::size_t FindExpression::max_depth() const noexcept { return state_->max_depth; }
FindExpression::Format FindExpression::format() const noexcept { return state_->format; }

bool FindExpression::is_start(const std::string& word) {
  return (word.size() > 1 && word.starts_with('-')) || word == "(" || word == ")" || word == "!";
}

}  // namespace layoutfs

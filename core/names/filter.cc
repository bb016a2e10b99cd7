// Parses a filter to selectors. Error messages are containerd's.
#include "layoutfs/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/names/filter_scanner.h"

namespace layoutfs {
namespace {

constexpr std::int64_t kPatternMemory = std::int64_t{1} << 20;

enum class Operation { present, equal, not_equal, matches };

struct Selector {
  std::vector<std::string> path;
  Operation operation = Operation::present;
  std::string value;
  std::unique_ptr<const RE2> pattern;  // for Operation::matches

  bool match(const FilterLookup& lookup) const {
    const std::optional<std::string> found = lookup(path);
    switch (operation) {
      case Operation::present:
        return found.has_value();
      case Operation::equal:
        return found == value;
      case Operation::not_equal:
        return found.value_or("") != value;
      case Operation::matches:
        return RE2::PartialMatch(found.value_or(""), *pattern);
    }
    return false;
  }
};

using Selectors = std::vector<Selector>;

class Parser {
 public:
  // `patterns_left` is the number of further regular expressions allowed.
  Parser(std::string_view text, std::size_t& patterns_left)
      : text_(text), scanner_(text), patterns_left_(patterns_left) {}

  Result<Selectors> parse() {
    Selectors selectors;
    if (text_.empty()) return selectors;
    while (true) {
      auto next = selector();
      if (!next) return fail(std::move(next).error());
      selectors.push_back(std::move(*next));
      const FilterCharacter following = scanner_.peek();
      if (following.is_end()) return selectors;
      if (!following.is(',')) {
        const std::string_view shown = following.is_illegal ? "\xef\xbf\xbd" : following.bytes;
        return wrong(scanner_.position(), "unexpected input: " + std::string(shown));
      }
      scanner_.scan();
    }
  }

 private:
  std::unexpected<Error> wrong(std::size_t position, std::string_view what) const {
    std::string shown(text_);
    if (position < text_.size())
      shown = std::string(text_.substr(0, position)) + " >|" + text_[position] + "|< " +
              std::string(text_.substr(position + 1));
    return fail(Errc::invalid_argument, "filters: parse error: [" + shown + "]: " + std::string(what));
  }

  std::unexpected<Error> unexpected(const FilterWord& word, std::string_view expected) const {
    if (word.token == FilterToken::illegal) return wrong(word.position, scanner_.error());
    return wrong(word.position, "expected " + std::string(expected));
  }

  Result<Selector> selector() {
    Selector selector;
    auto path = field_path();
    if (!path) return fail(std::move(path).error());
    selector.path = std::move(*path);
    const FilterCharacter following = scanner_.peek();
    if (following.is_end() || following.is(',')) return selector;
    const auto operation = this->operation();
    if (!operation) return fail(Error(operation.error()));
    selector.operation = *operation;
    const FilterWord word = scanner_.scan();
    auto value = this->value(word, *operation == Operation::matches);
    if (!value) return fail(std::move(value).error());
    selector.value = std::move(*value);
    if (selector.operation != Operation::matches) return selector;
    auto pattern = compile(word, selector.value);
    if (!pattern) return fail(std::move(pattern).error());
    selector.pattern = std::move(*pattern);
    return selector;
  }

  Result<std::vector<std::string>> field_path() {
    std::vector<std::string> path;
    while (true) {
      const FilterWord word = scanner_.scan();
      if (word.token == FilterToken::field) {
        path.emplace_back(word.text);
      } else if (word.token == FilterToken::quoted) {
        auto name = unquote(word, false);
        if (!name) return fail(std::move(name).error());
        path.push_back(std::move(*name));
      } else {
        return unexpected(word, "field or quoted");
      }
      if (!scanner_.peek().is('.')) return path;
      scanner_.scan();
    }
  }

  Result<Operation> operation() {
    const FilterWord word = scanner_.scan();
    if (word.token != FilterToken::operation) return unexpected(word, R"(an operator ("=="|"!="|"~="))");
    if (word.text == "==") return Operation::equal;
    if (word.text == "!=") return Operation::not_equal;
    if (word.text == "~=") return Operation::matches;
    return wrong(word.position, "unsupported operator \"" + std::string(word.text) + "\"");
  }

  Result<std::string> value(const FilterWord& word, bool is_pattern) const {
    if (word.token == FilterToken::value || word.token == FilterToken::field) return std::string(word.text);
    if (word.token == FilterToken::quoted) return unquote(word, is_pattern);
    return unexpected(word, "value or quoted");
  }

  // Only patterns may use quotes other than double quotes.
  Result<std::string> unquote(const FilterWord& word, bool is_pattern) const {
    if (!is_pattern && word.text.front() != '"') return wrong(word.position, "invalid quote encountered");
    auto text = unquoted(word.text);
    if (!text) return wrong(word.position, "unquoting failed: quote syntax error");
    return *std::move(text);
  }

  Result<std::unique_ptr<const RE2>> compile(const FilterWord& word, const std::string& value) {
    if (patterns_left_ == 0)
      return wrong(word.position,
                   "more than " + std::to_string(Filter::kMaxPatterns) + " regular expressions");
    --patterns_left_;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kPatternMemory);
    auto pattern = std::make_unique<const RE2>(value, options);
    if (!pattern->ok()) return wrong(word.position, "bad regular expression: " + pattern->error());
    return pattern;
  }

  std::string_view text_;
  FilterScanner scanner_;
  std::size_t& patterns_left_;
};

}  // namespace

struct Filter::State {
  std::vector<Selectors> alternatives;
};

Result<Filter> Filter::parse(std::string_view text) {
  const std::string texts[] = {std::string(text)};
  return parse_all(texts);
}

Result<Filter> Filter::parse_all(std::span<const std::string> texts) {
  auto state = std::make_shared<State>();
  if (texts.empty()) state->alternatives.emplace_back();
  std::size_t patterns_left = kMaxPatterns;
  for (const std::string& text : texts) {
    if (text.size() > kMaxLength)
      return fail(Errc::invalid_argument,
                  "filters: a filter of more than " + std::to_string(kMaxLength) + " bytes");
    auto selectors = Parser(text, patterns_left).parse();
    if (!selectors) return fail(std::move(selectors).error());
    state->alternatives.push_back(std::move(*selectors));
  }
  return Filter(std::move(state));
}

bool Filter::match(const FilterLookup& lookup) const {
  return std::ranges::any_of(state_->alternatives, [&](const Selectors& selectors) {
    return std::ranges::all_of(selectors, [&](const Selector& each) { return each.match(lookup); });
  });
}

}  // namespace layoutfs

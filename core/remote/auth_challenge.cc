#include "core/remote/auth_challenge.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/http/fields.h"

namespace layoutfs {
namespace {

constexpr std::string_view kBlanks = " \t";

// Reads a field from its front to its end.
class ChallengeScanner {
 public:
  explicit ChallengeScanner(std::string_view text) : rest_(text) { skip_blanks(); }

  bool is_at_end() const noexcept { return rest_.empty(); }
  // Skips commas, which separate challenges as well as parameters.
  void skip_commas() {
    while (rest_.starts_with(',')) {
      rest_.remove_prefix(1);
      skip_blanks();
    }
  }
  // Returns a token (RFC 9110, section 5.6.2); empty if there is none.
  std::string_view token() {
    const auto end = rest_.find_first_of(" \t,=\"");
    const std::string_view found = rest_.substr(0, end);
    rest_.remove_prefix(found.size());
    skip_blanks();
    return found;
  }
  bool skip_equals() {
    if (!rest_.starts_with('=')) return false;
    rest_.remove_prefix(1);
    skip_blanks();
    return true;
  }
  // Returns a token or a quoted string; nullopt if the quotes do not end.
  std::optional<std::string> value() {
    if (!rest_.starts_with('"')) return std::string(token());
    std::string text;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        skip_blanks();
        return text;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      text.push_back(rest_[i]);
    }
    return std::nullopt;
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size())); }

  std::string_view rest_;
};

using NamedValues = std::vector<std::pair<std::string, std::string>>;

std::string value_of(const NamedValues& values, std::string_view name) {
  for (const auto& [key, value] : values)
    if (is_same_token(key, name)) return value;
  return {};
}

std::optional<AuthChallenge> challenge_of(std::string_view scheme, const NamedValues& values) {
  if (is_same_token(scheme, "Basic")) return AuthChallenge{AuthChallenge::Scheme::basic, {}, {}, {}};
  if (!is_same_token(scheme, "Bearer")) return std::nullopt;
  AuthChallenge challenge{AuthChallenge::Scheme::bearer, value_of(values, "realm"),
                          value_of(values, "service"), value_of(values, "scope")};
  // Without a realm nobody can be asked for a token.
  return challenge.realm.empty() ? std::nullopt : std::optional(std::move(challenge));
}

// Adds the challenges of one field. A word with '=' behind it is a parameter of the challenge before it,
// other words begin a challenge.
void add_challenges(std::string_view field, std::vector<AuthChallenge>& challenges) {
  ChallengeScanner scanner(field);
  std::string_view scheme;
  NamedValues values;
  const auto end_challenge = [&] {
    if (auto challenge = challenge_of(scheme, values)) challenges.push_back(*std::move(challenge));
    values.clear();
  };
  for (scanner.skip_commas(); !scanner.is_at_end(); scanner.skip_commas()) {
    const std::string_view word = scanner.token();
    if (word.empty()) return;  // malformed: the challenge is not complete
    if (!scanner.skip_equals()) {
      end_challenge();
      scheme = word;
      continue;
    }
    auto value = scanner.value();
    if (!value) return;
    values.emplace_back(word, *std::move(value));
  }
  end_challenge();
}

}  // namespace

std::optional<AuthChallenge> best_challenge(std::span<const std::string_view> fields) {
  std::vector<AuthChallenge> challenges;
  for (const std::string_view field : fields) add_challenges(field, challenges);
  for (AuthChallenge& challenge : challenges)
    if (challenge.scheme == AuthChallenge::Scheme::bearer) return std::move(challenge);
  if (challenges.empty()) return std::nullopt;
  return std::move(challenges.front());
}

}  // namespace layoutfs

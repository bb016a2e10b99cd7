#include "core/remote/auth_challenge.h"

#include <utility>
#include <vector>

#include "core/http/field_parser.h"
#include "core/http/fields.h"

namespace layoutfs {
namespace {

// Some servers do not quote their URLs.
constexpr std::string_view kAlsoInValues = "()/:;<>?@[]\\{}";

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
  FieldParser parser(field);
  std::string_view scheme;
  NamedValues values;
  const auto end_challenge = [&] {
    if (auto challenge = challenge_of(scheme, values)) challenges.push_back(*std::move(challenge));
    values.clear();
  };
  // Commas separate challenges as well as parameters.
  const auto skip_separators = [&] {
    do parser.skip_blanks();
    while (parser.take(','));
  };
  for (skip_separators(); !parser.is_at_end(); skip_separators()) {
    const std::string_view word = parser.take_token();
    if (word.empty()) return;  // malformed: the challenge is not complete
    parser.skip_blanks();
    if (!parser.take('=')) {
      end_challenge();
      scheme = word;
      continue;
    }
    parser.skip_blanks();
    auto value = parser.is_at('"') ? parser.take_quoted()
                                   : std::optional<std::string>(parser.take_token(kAlsoInValues));
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

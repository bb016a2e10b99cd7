#include "core/cas/find_digest.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/list_text.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMinDigits = 7;

struct ShortDigest {
  std::optional<Algorithm> algorithm;
  std::string_view digits;
};

// Returns the number of hex digits, of the longest digest if there is no algorithm.
std::size_t most_digits(std::optional<Algorithm> algorithm) {
  if (algorithm) return Digest::of({}, *algorithm).hex().size();
  std::size_t most = 0;
  for (const Algorithm each : algorithms()) most = std::max(most, most_digits(each));
  return most;
}

std::optional<ShortDigest> parse_short(std::string_view text) {
  ShortDigest parsed{std::nullopt, text};
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    parsed.algorithm = find_algorithm(text.substr(0, colon));
    if (!parsed.algorithm) return std::nullopt;
    parsed.digits = text.substr(colon + 1);
  }
  const bool is_short = parsed.digits.size() >= kMinDigits &&
                        parsed.digits.size() <= most_digits(parsed.algorithm) &&
                        parsed.digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_short ? std::optional(parsed) : std::nullopt;
}

bool begins(const ShortDigest& text, const Digest& digest) {
  return !digest.empty() && (!text.algorithm || *text.algorithm == digest.algorithm()) &&
         digest.hex().starts_with(text.digits);
}

template <class Digests>
std::vector<std::string> texts_of(const Digests& digests) {
  std::vector<std::string> texts;
  for (const Digest& digest : digests) texts.push_back(digest.str());
  return texts;
}

}  // namespace

bool is_short_digest(std::string_view text) { return parse_short(text).has_value(); }

bool begins_digest(std::string_view text, const Digest& digest) {
  const auto parsed = parse_short(text);
  return parsed && begins(*parsed, digest);
}

Result<Digest> find_digest(const LayoutReader& layout, std::string_view text, const Context& context) {
  auto whole = Digest::parse(text);
  if (whole) return whole;
  const auto wanted = parse_short(text);
  if (!wanted) return whole;
  const auto blobs = layout.list_all_blobs(context);
  if (!blobs) return fail(Error(blobs.error()));
  const auto references = layout.references(context);
  if (!references) return fail(Error(references.error()));
  std::set<Digest> found;
  for (const Digest& blob : *blobs)
    if (begins(*wanted, blob)) found.insert(blob);
  for (const Descriptor& entry : (*references)->entries)
    if (begins(*wanted, entry.digest)) found.insert(entry.digest);
  const std::string name(text);
  if (found.empty()) return fail(Errc::not_found, name + ": no such digest in the layout");
  if (found.size() > 1)
    return fail(Errc::ambiguous, "'" + name + "' is the beginning of " + std::to_string(found.size()) +
                                     " digests: " + list_of(texts_of(found)));
  return *found.begin();
}

Error has_other_digest(std::string_view name, const std::vector<Digest>& present, std::string_view wanted) {
  return {Errc::not_found,
          "'" + std::string(name) + "' is " + list_of(texts_of(present)) + ", not " + std::string(wanted)};
}

}  // namespace layoutfs

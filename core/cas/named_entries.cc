#include "core/cas/named_entries.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "core/base/list_text.h"
#include "core/cas/reference_store.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxNameLength = 100;  // part of an item that list_of() keeps

std::string text_of(const Platform& platform) {
  return platform.os + "/" + platform.architecture + (platform.variant.empty() ? "" : "/" + platform.variant);
}

// "sha256:... (docker.io/library/redis:latest, linux/arm64)"
std::string text_of(const Descriptor& entry, std::string_view name) {
  std::string more;
  const auto full = full_name(entry);
  const auto label = full ? full : entry.ref_name();
  if (label && *label != name) more = label->substr(0, kMaxNameLength);
  if (entry.platform) more.append(more.empty() ? "" : ", ").append(text_of(*entry.platform));
  return entry.digest.str() + (more.empty() ? "" : " (" + more + ")");
}

bool have_same_full_name(const NamedEntry& entry, const Descriptor& wanted) {
  return entry && full_name(*entry) == full_name(wanted);
}

}  // namespace

std::optional<std::string_view> full_name(const Descriptor& entry) {
  const auto name = entry.annotation(kContainerdName);
  return name && !name->empty() ? name : std::nullopt;
}

bool is_same_image(const Descriptor& a, const Descriptor& b) {
  return a.digest == b.digest && a.ref_name() == b.ref_name() && full_name(a) == full_name(b) &&
         a.platform == b.platform;
}

Error ambiguous_name(std::string_view name, const std::vector<const Descriptor*>& entries) {
  std::vector<std::string> texts;
  for (const Descriptor* entry : entries) texts.push_back(text_of(*entry, name));
  return {Errc::ambiguous, "'" + std::string(name) + "' is the name of " + std::to_string(entries.size()) +
                               " images: " + list_of(texts)};
}

Status check_one_image(std::string_view name, const std::vector<NamedEntry>& entries) {
  std::vector<const Descriptor*> distinct;
  std::size_t unknown = 0;
  for (const NamedEntry& entry : entries) {
    const auto is_same = [&](const Descriptor* other) { return is_same_image(*other, *entry); };
    if (!entry)
      ++unknown;
    else if (std::ranges::none_of(distinct, is_same))
      distinct.push_back(&*entry);
  }
  if (distinct.size() + unknown <= 1) return {};
  if (unknown == 0) return fail(ambiguous_name(name, distinct));
  return fail(Errc::ambiguous, "'" + std::string(name) + "' is the name of " +
                                   std::to_string(distinct.size() + unknown) +
                                   " entries, some of them invalid");
}

std::vector<std::size_t> replaceable_by(const Descriptor& wanted, const std::vector<NamedEntry>& entries) {
  std::vector<std::size_t> own(entries.size());
  std::iota(own.begin(), own.end(), std::size_t{0});
  if (!full_name(wanted)) return own;
  const bool is_known = std::ranges::any_of(
      entries, [&](const NamedEntry& entry) { return have_same_full_name(entry, wanted); });
  std::erase_if(own, [&](std::size_t position) {
    const NamedEntry& entry = entries[position];
    // If no entry has that full name, it may be an entry without a full name.
    return is_known ? !have_same_full_name(entry, wanted) : entry && full_name(*entry);
  });
  return own;
}

Result<PutPlan> plan_put(std::string_view name, const std::vector<NamedEntry>& entries,
                         const Descriptor& wanted, PutMode mode) {
  PutPlan plan{.is_there = false, .replaced = replaceable_by(wanted, entries)};
  if (plan.replaced.empty()) return plan;
  std::vector<NamedEntry> own;
  for (const std::size_t position : plan.replaced) own.push_back(entries[position]);
  plan.is_there =
      std::ranges::all_of(own, [&](const NamedEntry& entry) { return entry && *entry == wanted; });
  if (plan.is_there) return plan;
  if (mode == PutMode::no_clobber) return fail(name_taken(name));
  if (auto one = check_one_image(name, own); !one) return fail(std::move(one).error());
  return plan;
}

}  // namespace layoutfs

// Fuzzes the names of registries, of which grammar and parser must agree, and manifests that are pushed.
#include <regex>

#include "core/oci/repository_names.h"
#include "core/oci/repository_tree.h"
#include "core/registry/find_layout.h"
#include "core/registry/manifest_check.h"
#include "layoutfs/documents.h"
#include "tests/fuzz/fuzz_input.h"

namespace layoutfs::fuzzing {
namespace {

constexpr std::size_t kLongest = 300;  // bytes of a name; std::regex goes down the stack for each

bool matches(std::string_view text, const std::regex& grammar) {
  return std::regex_match(text.begin(), text.end(), grammar);
}

void check_names(std::string_view text) {
  static const std::regex kRepository(
      "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*");
  const bool is_repository = text.size() <= 255 && matches(text, kRepository);
  check(is_repository_name(text) == is_repository, "a repository's name is judged wrongly");
  static const std::regex kTag("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
  check(is_tag(text) == matches(text, kTag), "a tag is judged wrongly");
  if (is_repository_directory(text)) check(is_repository, "a directory is no repository's");
}

void check_reference(std::string_view text) {
  for (const auto& parsed : {RegistryReference::parse(text), RegistryReference::parse_relative(text)}) {
    if (!parsed) continue;
    check(parsed->str() == text, "a reference is written in another way");
    check(is_repository_name(parsed->repository), "a reference has no repository");
    check(parsed->tag.empty() || is_tag(parsed->tag), "a reference has no valid tag");
    check(parsed->host.empty() || is_registry_host(parsed->host), "a reference has no valid host");
  }
  if (const auto entry = parse_entry_name(text, "default")) {
    check(is_repository_name(entry->repository), "an entry is of no repository");
    check(entry->tag.empty() || is_tag(entry->tag), "an entry has no valid tag");
  }
  // Results from the file system are checked elsewhere.
  const auto found = find_layout("/nowhere/" + std::string(text));
  if (found)
    check(is_repository_name(found->reference.repository), "a layout was found without a repository");
}

void check_manifests(ByteView text) {
  const auto has_blob = [](const Digest& digest) -> Result<bool> { return digest.hex().front() != '0'; };
  for (const std::string_view type :
       {"application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"}) {
    if (!check_manifest(text, type, has_blob)) continue;
    check(Manifest::parse(text).has_value() || Index::parse(text).has_value(),
          "what is taken cannot be read");
  }
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs::fuzzing;
  const auto input = std::as_bytes(std::span(data, size));
  const std::string_view name = layoutfs::as_text(input.first(std::min(size, kLongest)));
  check_names(name);
  check_reference(name);
  check_manifests(input);
  return 0;
}

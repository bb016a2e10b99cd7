// Fuzzes user input: platforms, digests, names of references and of images.
#include <regex>

#include "core/cas/driver.h"
#include "core/cas/reference_name.h"
#include "core/oci/reference.h"
#include "layoutfs/platform.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/layout_writer.h"

namespace layoutfs::fuzzing {
namespace {

constexpr std::size_t kLongest = 200;  // bytes; std::regex goes down the stack for each

bool matches(std::string_view text, const std::regex& grammar) {
  return std::regex_match(text.begin(), text.end(), grammar);
}

void check_platform(std::string_view text) {
  const auto platform = parse_platform(text);
  if (!platform) return;
  const Platform normal = normalized(*platform);
  check(normalized(normal) == normal, "a normal platform is not its own normal form");
  const Platform again =
      must(parse_platform(to_string(*platform)), "a platform that was written does not parse");
  check(normalized(again) == normal, "a platform that was written is another one");
  static const std::regex kFile("[A-Za-z0-9._-]+");
  const std::string file = to_file_name(*platform);
  check(!file.empty() && matches(file, kFile), "a file name has odd characters");
  const Descriptor entry{.platform = *platform};
  check(choose_platform(std::span(&entry, 1), *platform).has_value() || is_attestation(entry),
        "a platform does not serve itself");
}

void check_digest(std::string_view text) {
  static const std::regex kGrammar("sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}");
  const auto digest = Digest::parse(text);
  check(digest.has_value() == matches(text, kGrammar), "a digest is judged wrongly");
  if (digest) check(digest->str() == text, "a digest is written in another way");
}

void check_names(std::string_view text) {
  static const std::regex kName(
      "[A-Za-z0-9]+((--|[-._:@+])[A-Za-z0-9]+)*(/[A-Za-z0-9]+((--|[-._:@+])[A-Za-z0-9]+)*)*");
  check(is_reference_name(text) == matches(text, kName), "a reference's name is judged wrongly");
  static const std::regex kFileName("(?!\\.{1,2}$)[A-Za-z0-9._-]{1,255}");
  check(is_reference_file_name(text) == matches(text, kFileName), "a file name is judged wrongly");
}

// A layout that stays for all inputs, with entries that names can be confused with.
class Sample {
 public:
  Sample() {
    using testing::named;
    const Descriptor manifest = layout_.manifest(layout_.config({}), {});
    layout_.write_index({named(manifest, "app"), named(manifest, "app:1.2"),
                         testing::for_platform(named(manifest, "many"), {"linux", "amd64"}),
                         testing::for_platform(named(manifest, "many"), {"linux", "arm", "v7"}),
                         named(layout_.index({manifest}), "docker.io/library/app:1.2")});
    reader_ = must(builtin_drivers().open_reader(layout_.path()), "the sample does not open");
  }
  const LayoutReader& reader() const { return *reader_; }
  const std::string& path() const { return layout_.path(); }

 private:
  testing::TempDir directory_;
  testing::LayoutWriter layout_{directory_ / "lay"};
  std::unique_ptr<LayoutReader> reader_;
};

void check_image_name(std::string_view text) {
  static const Sample sample;
  for (const std::string& argument :
       {sample.path() + ":" + std::string(text), sample.path() + "@" + std::string(text)}) {
    const auto name = parse_image_name(argument);
    if (!name) continue;
    check(name->layout == sample.path(), "another layout was found");
    check(argument.substr(name->layout.size() + 1) == name->reference, "the reference is not what was typed");
  }
  const Platform platform = parse_platform(text).value_or(Platform{"linux", "amd64"});
  const auto found = find_reference(sample.reader(), text, platform);
  if (found) ignore(resolve_platform(sample.reader(), *found, platform), "any platform may be absent");
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace layoutfs::fuzzing;
  const std::string_view text = layoutfs::as_text(std::as_bytes(std::span(data, std::min(size, kLongest))));
  check_platform(text);
  check_digest(text);
  check_names(text);
  check_image_name(text);
  return 0;
}

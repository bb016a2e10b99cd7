// Fuzzes image layouts inside of a tar: opens one, follows its references and reads its blobs.
#include <sys/mman.h>

#include "core/base/file.h"
#include "core/cas/archive_reader.h"
#include "core/oci/graph.h"
#include "core/oci/reference.h"
#include "tests/fuzz/fuzz_input.h"

namespace layoutfs::fuzzing {
namespace {

void read_blobs(const LayoutReader& engine, std::size_t archive_size) {
  Bytes buffer(4096);
  for (const Algorithm algorithm : algorithms()) {
    const auto digests = must(engine.list_blobs(algorithm), "blobs cannot be listed");
    check(std::ranges::is_sorted(digests), "blobs are not sorted");
    for (const Digest& digest : digests) {
      const auto blob = must(engine.get_blob(digest), "a blob that is listed cannot be opened");
      const auto status = must(engine.blob_status(digest), "a blob that is listed has no status");
      check(status && status->size == blob->size(), "two sizes of a blob differ");
      check(blob->size() <= archive_size, "a blob is larger than the archive");
      std::uint64_t offset = 0;
      for (std::size_t size = 1; size != 0; offset += size)
        size = must(blob->read_at(buffer, offset), "a blob cannot be read");
      check(offset == blob->size(), "a blob has another size than it says");
    }
  }
}

void follow_references(const LayoutReader& engine) {
  const auto references = must(engine.references(), "the references of an open archive cannot be read");
  for (const std::string& name : must(engine.list_references(), "the names cannot be listed")) {
    must(engine.get_reference(name), "a reference that is listed is not there");
    ignore(find_reference(engine, name), "any name may be absent");
  }
  // Invalid or missing blobs do not end the walk.
  const Handler follow = [&engine](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    auto children = children_and_subject_of(engine, descriptor);
    return children ? Visit::to(*std::move(children)) : Visit();
  };
  check(walk(references->entries, handlers({first_visits(), follow})).has_value(), "a walk ends early");
}

void run(Input input) {
  const bool is_repaired = (input.byte() & 1) != 0;
  Bytes archive = copy_of(input.rest());
  if (is_repaired) repair_checksums(archive);

  const UniqueFd file(::memfd_create("archive", MFD_CLOEXEC));
  check(static_cast<bool>(file), "memfd_create");
  check(write_all(file.get(), archive, "the archive").has_value(), "the archive cannot be written");
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const bool is_tar = is_archive(path);
  const auto engine = open_archive(path);
  if (!engine) return;
  check(is_tar, "what opens as an archive is none");
  read_blobs(**engine, archive.size());
  follow_references(**engine);
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  layoutfs::fuzzing::run({data, size});
  return 0;
}

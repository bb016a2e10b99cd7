// Fuzzes JSON: valid text can be written and parsed again, canonical JSON is its own canonical form, and
// image documents are parsed or refused.
#include "core/base/json.h"
#include "core/cas/descriptor_json.h"
#include "layoutfs/documents.h"
#include "tests/fuzz/fuzz_input.h"

namespace layoutfs::fuzzing {
namespace {

void check_written(JsonValue value) {
  const std::string text = value.dump();
  const auto again =
      must(JsonDocument::parse(as_bytes(text), {.bytes = SIZE_MAX}), "what was written does not parse");
  check(again.root().dump() == text, "written once more it differs");
  JsonWriter writer(JsonWriter::Style::indented);
  writer.value(value);
  const auto indented =
      must(JsonDocument::parse(as_bytes(writer.str()), {.bytes = SIZE_MAX}), "indented it does not parse");
  check(indented.root().dump() == text, "indented it differs");
}

void check_canonical(JsonValue value) {
  const std::string canonical = canonical_json(value);
  const auto again =
      must(JsonDocument::parse(as_bytes(canonical), {.bytes = SIZE_MAX}), "canonical JSON does not parse");
  check(canonical_json(again.root()) == canonical, "canonical JSON is not its own canonical form");
}

void check_descriptor(const Descriptor& descriptor) {
  if (descriptor.digest.empty()) return;
  JsonWriter writer;
  write_descriptor(writer, descriptor);
  const std::string text = writer.str();
  const auto document = must(JsonDocument::parse(as_bytes(text), {.bytes = SIZE_MAX}),
                             "a descriptor that was written does not parse");
  const auto again = must(parse_descriptor(document.root()), "a descriptor that was written is none");
  check(again == descriptor, "a descriptor that was written means something else");
}

void check_documents(ByteView text, JsonValue root) {
  if (const auto index = Index::parse(text)) {
    for (const Descriptor& entry : index->manifests) check_descriptor(entry);
    if (index->subject) check_descriptor(*index->subject);
  }
  if (const auto manifest = Manifest::parse(text)) {
    check_descriptor(manifest->config);
    for (const Descriptor& layer : manifest->layers) check_descriptor(layer);
    static_cast<void>(manifest->is_image());
  }
  if (const auto config = ImageConfig::parse(text))
    for (const Digest& digest : config->diff_ids) check(!digest.empty(), "a diff id is empty");
  if (const auto descriptor = parse_descriptor(root)) check_descriptor(*descriptor);
  if (const auto list = DescriptorList::from_member(root, "manifests")) {
    check(list->problems.size() <= 1000, "there are too many problems");
    for (const Descriptor& entry : list->entries) check_descriptor(entry);
  }
}

void run(ByteView text) {
  const auto document = JsonDocument::parse(text);
  if (!document) {
    check(!Index::parse(text) && !Manifest::parse(text) && !ImageConfig::parse(text),
          "what does not parse is a document");
    return;
  }
  check_written(document->root());
  check_canonical(document->root());
  check_documents(text, document->root());
}

}  // namespace
}  // namespace layoutfs::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  layoutfs::fuzzing::run(std::as_bytes(std::span(data, size)));
  return 0;
}

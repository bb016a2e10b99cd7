// Runs one action on an image layout and ends, so that tests can interrupt it or inject faults.
//
// usage: store_actions LAYOUT ACTION [ARGUMENT...]
//   create [index|refs]          makes an empty layout at a new path
//   complete [index|refs]        opens a layout, or makes one of an empty or unfinished directory
//   put                          a blob from standard input; its digest on standard output
//   put-batch                    three blobs at once, of the pieces of standard input: the last 20 bytes, and
//                                the halves of the rest
//   put-json                     as put, of a JSON document of less than 1 MiB
//   put-ref NAME DIGEST SIZE     a new reference
//   replace-ref NAME DIGEST SIZE
//   delete-ref NAME
//   delete-blob DIGEST
//   sweep DIGEST LIMIT_NS        a blob that was not put since, with the current references
//   clean
//   put-images WORKER COUNT      puts COUNT images with a reference each, named WORKER-NUMBER
//   replace-images NAME WORKER COUNT
//                                puts COUNT images, one after the other under the same NAME
//   claim WORKER COUNT           tries to create the names claim-0 to claim-COUNT first; prints those that
//                                it created
//   work WORKER SEED             changes the layout at random until it is killed
//
// Exit code 0; 1 with one line on standard error; 2 for wrong usage; 3 if a reference exists; 4 if the target
// exists.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "layoutfs/blob_batch.h"
#include "layoutfs/open.h"
#include "tests/faults/sample_image.h"
#include "tests/faults/standard_streams.h"

namespace layoutfs {
namespace {

using testing::put_image;
using testing::read_small_input;
using testing::SampleImage;
using testing::say;
using testing::StandardInput;

using Arguments = std::vector<std::string>;

DirOptions options_of(const Arguments& arguments) {
  const bool has_refs = !arguments.empty() && arguments[0] == "refs";
  return {.created_with = has_refs ? ReferenceFormat::refs_dir : ReferenceFormat::index_json};
}

Status report(const Result<PutResult>& put) {
  if (!put) return fail(Error(put.error()));
  say(put->digest.str());
  return {};
}

Status report(const Result<bool>& deleted) {
  if (!deleted) return fail(Error(deleted.error()));
  say(*deleted ? "deleted" : "absent");
  return {};
}

Status put(Engine& engine, const Arguments&) {
  StandardInput content;
  return report(engine.put_blob(content));
}

Status put_batch(Engine& engine, const Arguments&) {
  StandardInput input;
  Bytes content;
  for (Bytes piece(std::size_t{1} << 20);;) {
    const auto got = input.read(piece);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) break;
    content.insert(content.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
  }
  constexpr std::size_t kLast = 20;
  const ByteView front = ByteView(content).first(content.size() - std::min(kLast, content.size()));
  const auto batch = engine.start_batch();
  for (const ByteView part : {front.first(front.size() / 2), front.subspan(front.size() / 2),
                              ByteView(content).subspan(front.size())}) {
    MemorySource source(part);
    if (auto put = batch->put(source); !put) return fail(std::move(put).error());
  }
  if (auto flushed = batch->flush(); !flushed) return flushed;
  say("put");
  return {};
}

Status put_json(Engine& engine, const Arguments&) {
  const auto text = read_small_input();
  if (!text) return fail(Error(text.error()));
  return report(engine.put_blob_json(as_text(*text)));
}

Status put_reference(Engine& engine, const Arguments& arguments, PutMode mode) {
  auto digest = Digest::parse(arguments[1]);
  if (!digest) return fail(std::move(digest).error());
  return engine.put_reference(arguments[0],
                              Descriptor{.media_type = std::string(testing::kManifestType),
                                         .digest = std::move(*digest),
                                         .size = std::strtoull(arguments[2].c_str(), nullptr, 10)},
                              mode);
}

Status put_ref(Engine& engine, const Arguments& arguments) {
  return put_reference(engine, arguments, PutMode::no_clobber);
}
Status replace_ref(Engine& engine, const Arguments& arguments) {
  return put_reference(engine, arguments, PutMode::replace);
}

Status delete_ref(Engine& engine, const Arguments& arguments) {
  return report(engine.delete_reference(arguments[0]));
}

Status delete_blob(Engine& engine, const Arguments& arguments) {
  const auto digest = Digest::parse(arguments[0]);
  if (!digest) return fail(Error(digest.error()));
  return report(engine.delete_blob(*digest));
}

Status sweep(Engine& engine, const Arguments& arguments) {
  const auto digest = Digest::parse(arguments[0]);
  if (!digest) return fail(Error(digest.error()));
  const auto seen = engine.references();
  if (!seen) return fail(Error(seen.error()));
  const auto swept = engine.sweep_blob(*digest, **seen, std::strtoll(arguments[1].c_str(), nullptr, 10));
  if (!swept) return fail(Error(swept.error()));
  constexpr const char* kNames[] = {"removed", "absent", "young", "references changed"};
  say(kNames[static_cast<std::size_t>(*swept)]);
  return {};
}

Status clean(Engine& engine, const Arguments&) { return engine.clean(); }

Status put_images(Engine& engine, const Arguments& arguments) {
  const int count = std::atoi(arguments[1].c_str());
  for (int i = 0; i < count; ++i) {
    const std::string name = arguments[0] + "-" + std::to_string(i);
    const auto image = put_image(engine, name, 4096);
    if (!image) return fail(Error(image.error()));
    if (auto done = engine.put_reference(name, image->manifest); !done) return done;
  }
  return {};
}

Status replace_images(Engine& engine, const Arguments& arguments) {
  const int count = std::atoi(arguments[2].c_str());
  for (int i = 0; i < count; ++i) {
    const auto image = put_image(engine, arguments[1] + "-" + std::to_string(i), 4096);
    if (!image) return fail(Error(image.error()));
    if (auto done = engine.put_reference(arguments[0], image->manifest, PutMode::replace); !done) return done;
  }
  return {};
}

Status claim(Engine& engine, const Arguments& arguments) {
  const auto image = put_image(engine, arguments[0], 4096);
  if (!image) return fail(Error(image.error()));
  const int count = std::atoi(arguments[1].c_str());
  for (int i = 0; i < count; ++i) {
    const std::string name = "claim-" + std::to_string(i);
    const auto done = engine.put_reference(name, image->manifest);
    if (done) say(name);
    if (!done && done.error().code() != Errc::clobber) return done;
  }
  return {};
}

// The action `work`. A reference is put after all its descendants and deleted before them, and images that
// others may refer to are never deleted: whenever it is killed, every reference must lead to a complete
// image.
class Worker {
 public:
  Worker(Engine& engine, std::string name, std::uint64_t seed)
      : engine_(engine), name_(std::move(name)), random_(seed) {}

  Status do_something() {
    const std::string number = std::to_string(random_() % 8);
    const std::string shared = "shared-" + std::to_string(random_() % 8);
    const std::size_t layer = random_() % (std::size_t{1} << 20);
    switch (random_() % 6) {
      case 0:  // one of eight images, under one of eight names: other workers' as well
      case 1:
        return name_image(shared, put_image(engine_, number, std::size_t{1} << 19));
      case 2:
      case 3:
        return name_own(name_ + "-" + number, layer);
      case 4:
        return delete_own(name_ + "-" + number);
      default:
        return engine_.clean();
    }
  }

 private:
  Status name_image(const std::string& name, const Result<SampleImage>& image) {
    if (!image) return fail(Error(image.error()));
    return engine_.put_reference(name, image->manifest, PutMode::replace);
  }

  Status name_own(const std::string& name, std::size_t layer) {
    if (auto deleted = delete_own(name); !deleted) return deleted;
    auto image = put_image(engine_, name + "/" + std::to_string(random_()), layer);
    if (auto named = name_image(name, image); !named) return named;
    own_.insert_or_assign(name, std::move(*image));
    return {};
  }

  Status delete_own(const std::string& name) {
    if (auto deleted = engine_.delete_reference(name); !deleted) return fail(std::move(deleted).error());
    const auto image = own_.find(name);
    if (image == own_.end()) return {};
    for (const Descriptor* blob : {&image->second.manifest, &image->second.config, &image->second.layer})
      if (auto deleted = engine_.delete_blob(blob->digest); !deleted) return fail(std::move(deleted).error());
    own_.erase(image);
    return {};
  }

  Engine& engine_;
  std::string name_;
  std::mt19937_64 random_;
  std::map<std::string, SampleImage> own_;
};

Status work(Engine& engine, const Arguments& arguments) {
  Worker worker(engine, arguments[0], std::strtoull(arguments[1].c_str(), nullptr, 10));
  say("ready");
  for (;;)
    if (auto done = worker.do_something(); !done) return done;
}

struct Action {
  std::string_view name;
  std::size_t arguments;
  Status (*function)(Engine&, const Arguments&);
};
constexpr Action kActions[] = {
    {"put", 0, put},
    {"put-batch", 0, put_batch},
    {"put-json", 0, put_json},
    {"put-ref", 3, put_ref},
    {"replace-ref", 3, replace_ref},
    {"delete-ref", 1, delete_ref},
    {"delete-blob", 1, delete_blob},
    {"sweep", 2, sweep},
    {"clean", 0, clean},
    {"put-images", 2, put_images},
    {"replace-images", 3, replace_images},
    {"claim", 2, claim},
    {"work", 2, work},
};

// Returns nullopt for an unknown action.
std::optional<Status> act(const std::string& path, const std::string& name, const Arguments& arguments) {
  DirOptions options = options_of(arguments);
  if (name == "create") return create_dir(path, options);
  options.create_if_missing = name == "complete";
  if (options.create_if_missing) {
    const auto engine = open_dir(path, options);
    return engine ? Status() : fail(Error(engine.error()));
  }
  for (const Action& action : kActions) {
    if (action.name != name || action.arguments != arguments.size()) continue;
    const auto engine = open_dir(path);
    if (!engine) return fail(Error(engine.error()));
    if (auto done = action.function(**engine, arguments); !done) return done;
    return (*engine)->close();
  }
  return std::nullopt;
}

int run(const Arguments& arguments) {
  if (arguments.size() < 2) return 2;
  const auto done = act(arguments[0], arguments[1], {arguments.begin() + 2, arguments.end()});
  const int code = testing::exit_code_of("store_actions", done);
  if (code != 1) return code;
  if (done->error().code() == Errc::clobber) return 3;
  return done->error().code() == Errc::already_exists ? 4 : 1;
}

}  // namespace
}  // namespace layoutfs

int main(int argc, char** argv) { return layoutfs::run({argv + 1, argv + argc}); }

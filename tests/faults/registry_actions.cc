// Runs one action on a registry and ends, so that tests can interrupt it or inject faults.
//
// usage: registry_actions LAYOUT ACTION [ARGUMENT...]
//   push-blob DIGEST SIZE      a blob from standard input
//   push-manifest TAG...       an index of less than 1 MiB from standard input
//   delete-tag TAG
//   delete-manifest DIGEST
//   upload [DIGEST]            starts an upload with standard input, less than 1 MiB; with DIGEST, commits it
//   append ID OFFSET [DIGEST]  resumes an upload, like upload
//   commit ID DIGEST           commits an upload
//   cancel ID
//   mount FROM TO DIGEST       LAYOUT is the directory of a tree of repositories
//   clean
//   work NAME SEED             works at random until it is killed, and prints each step; LAYOUT is that of
//                              repository work/shop
//   work-in-tree NAME SEED     like work; LAYOUT is the existing directory of a tree of repositories
//
// Entries without a repository in their names belong to "repo", which all actions except the workers use.
// Uploads print their progress: "upload ID", then "has SIZE" after each piece. Exit code 0; 1 with one line
// on standard error; 2 for wrong usage.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "layoutfs/registry.h"
#include "tests/faults/registry_worker.h"
#include "tests/faults/standard_streams.h"

namespace layoutfs {
namespace {

using testing::read_small_input;
using testing::say;
using testing::StandardInput;

using Arguments = std::vector<std::string>;

constexpr std::string_view kRepository = "repo";

template <class T>
Status done(const Result<T>& result) {
  return result ? Status() : fail(Error(result.error()));
}

Status push_blob(Registry& registry, const Arguments& arguments) {
  auto digest = Digest::parse(arguments.at(0));
  if (!digest) return fail(std::move(digest).error());
  StandardInput content;
  return done(registry.push_blob(
      kRepository,
      {.digest = std::move(*digest), .size = std::strtoull(arguments.at(1).c_str(), nullptr, 10)}, content));
}

Status push_manifest(Registry& registry, const Arguments& tags) {
  const auto text = read_small_input();
  if (!text) return fail(Error(text.error()));
  return done(registry.push_manifest(kRepository, *text, testing::kIndexType, {.digest = {}, .tags = tags}));
}

Status delete_tag(Registry& registry, const Arguments& arguments) {
  return registry.delete_tag(kRepository, arguments.at(0));
}

Status delete_manifest(Registry& registry, const Arguments& arguments) {
  const auto digest = Digest::parse(arguments.at(0));
  return digest ? registry.delete_manifest(kRepository, *digest) : fail(Error(digest.error()));
}

// Writes standard input in pieces, then commits if there is a digest, otherwise closes.
Status write_and_end(Result<std::unique_ptr<BlobWriter>> writer, const std::string& digest_text) {
  // Larger than one piece of the hash.
  constexpr std::size_t kPiece = 300'000;
  if (!writer) return fail(std::move(writer).error());
  say("upload " + (*writer)->id());
  const auto text = read_small_input();
  if (!text) return fail(Error(text.error()));
  for (ByteView rest = *text; !rest.empty(); rest = rest.subspan(std::min(rest.size(), kPiece))) {
    const auto written = (*writer)->write(rest.first(std::min(rest.size(), kPiece)));
    say("has " + std::to_string((*writer)->size()));
    if (!written) return written;
  }
  if (digest_text.empty()) return (*writer)->close();
  const auto digest = Digest::parse(digest_text);
  return digest ? done((*writer)->commit(*digest)) : fail(Error(digest.error()));
}

Status upload(Registry& registry, const Arguments& arguments) {
  return write_and_end(registry.push_blob_chunked(kRepository), arguments.empty() ? "" : arguments[0]);
}

Status append(Registry& registry, const Arguments& arguments) {
  const auto offset = std::strtoll(arguments.at(1).c_str(), nullptr, 10);
  return write_and_end(registry.push_blob_chunked_resume(kRepository, arguments.at(0), offset),
                       arguments.size() == 2 ? "" : arguments[2]);
}

Status commit(Registry& registry, const Arguments& arguments) {
  const auto digest = Digest::parse(arguments.at(1));
  if (!digest) return fail(Error(digest.error()));
  auto upload = registry.push_blob_chunked_resume(kRepository, arguments.at(0), -1);
  return upload ? done((*upload)->commit(*digest)) : fail(std::move(upload).error());
}

Status cancel(Registry& registry, const Arguments& arguments) {
  auto upload = registry.push_blob_chunked_resume(kRepository, arguments.at(0), -1);
  return upload ? (*upload)->cancel() : fail(std::move(upload).error());
}

struct Action {
  std::string_view name;
  std::size_t least_arguments;
  Status (*function)(Registry&, const Arguments&);
};
constexpr Action kActions[] = {
    {"push-blob", 2, push_blob},   {"push-manifest", 0, push_manifest},
    {"delete-tag", 1, delete_tag}, {"delete-manifest", 1, delete_manifest},
    {"commit", 2, commit},         {"cancel", 1, cancel},
    {"upload", 0, upload},         {"append", 2, append},
};

Status mount(const std::string& tree, const Arguments& arguments) {
  const auto digest = Digest::parse(arguments.at(2));
  if (!digest) return fail(Error(digest.error()));
  const auto registry = open_repositories(tree);
  if (!registry) return fail(Error(registry.error()));
  return done((*registry)->mount_blob(arguments.at(0), arguments.at(1), *digest));
}

Status clean(const std::string& path) {
  const auto engine = open_dir(path);
  return engine ? (*engine)->clean() : fail(Error(engine.error()));
}

Status work(Registry& registry, const std::string& layout, const Arguments& arguments) {
  // These tests do not simulate power failures, so nothing has to be on disk.
  testing::RegistryWorker worker(registry, layout, arguments.at(0),
                                 std::strtoull(arguments.at(1).c_str(), nullptr, 10), say);
  for (;;)
    if (auto something = worker.do_something(); !something) return something;
}

// Returns nullopt for an unknown action.
std::optional<Status> act(const std::string& path, const std::string& name, const Arguments& arguments) {
  if (name == "clean") return clean(path);
  if (name == "mount" && arguments.size() == 3) return mount(path, arguments);
  if (name == "work-in-tree" && arguments.size() == 2) {
    const auto registry = open_repositories(path, {.is_durable = false});
    if (!registry) return fail(Error(registry.error()));
    return work(**registry, path + "/" + std::string(testing::kShop), arguments);
  }
  const bool is_work = name == "work" && arguments.size() == 2;
  const auto registry = open_registry(
      path, {.default_repository = is_work ? "" : std::string(kRepository), .is_durable = !is_work});
  if (!registry) return fail(Error(registry.error()));
  if (is_work) return work(**registry, path, arguments);
  for (const Action& action : kActions)
    if (action.name == name && arguments.size() >= action.least_arguments)
      return action.function(**registry, arguments);
  return std::nullopt;
}

int run(const Arguments& arguments) {
  if (arguments.size() < 2) return 2;
  return testing::exit_code_of("registry_actions",
                               act(arguments[0], arguments[1], {arguments.begin() + 2, arguments.end()}));
}

}  // namespace
}  // namespace layoutfs

int main(int argc, char** argv) { return layoutfs::run({argv + 1, argv + argc}); }

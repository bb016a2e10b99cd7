// Runs one action on a store of names and ends, so that tests can interrupt it or inject faults.
//
// usage: image_actions DIRECTORY ACTION [ARGUMENT...]
//   create NAME CONTENT        an image with a target of that content
//   label NAME KEY VALUE       an empty value removes the label
//   remove NAME
//   clean                      removes the files of killed writers
//   create-many PREFIX COUNT   creates PREFIX-0 and so on, and removes every third of them
//   work PREFIX                the same without an end, until it is killed
//                              The last two print the name of each created image, and "-NAME" of each removed
//                              one.
//
// Exit code 0; 1 with one line on standard error; 2 for wrong usage. All images have the same time.
#include <fcntl.h>

#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "core/cas/clean.h"
#include "layoutfs/image_store.h"
#include "tests/faults/standard_streams.h"

namespace layoutfs {
namespace {

using testing::say;
using Arguments = std::vector<std::string>;

std::chrono::system_clock::time_point fixed_time() {
  return std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));
}

NamedImage image_of(const std::string& name, std::string_view content) {
  NamedImage image{.name = name};
  image.target = {.media_type = "application/vnd.oci.image.manifest.v1+json",
                  .digest = Digest::of(as_bytes(content)),
                  .size = content.size()};
  return image;
}

template <class T>
Status done(const Result<T>& result) {
  return result ? Status() : fail(Error(result.error()));
}

Status create(ImageStore& store, const Arguments& arguments) {
  return done(store.create(image_of(arguments[0], arguments[1])));
}

Status label(ImageStore& store, const Arguments& arguments) {
  NamedImage image{.name = arguments[0]};
  image.labels.emplace(arguments[1], arguments[2]);
  const std::string path[] = {"labels." + arguments[1]};
  return done(store.update(std::move(image), path));
}

Status remove(ImageStore& store, const Arguments& arguments) { return store.remove(arguments[0]); }

Status create_and_remove(ImageStore& store, const std::string& prefix, int count) {
  const auto name_of = [&](int i) { return prefix + "-" + std::to_string(i); };
  for (int i = 0; i < count; ++i) {
    if (auto made = store.create(image_of(name_of(i), prefix)); !made) return done(made);
    say(name_of(i));
    if (i % 3 != 2) continue;
    if (auto removed = store.remove(name_of(i - 1)); !removed) return removed;
    say("-" + name_of(i - 1));
  }
  return {};
}

Status create_many(ImageStore& store, const Arguments& arguments) {
  return create_and_remove(store, arguments[0], std::atoi(arguments[1].c_str()));
}

Status work(ImageStore& store, const Arguments& arguments) {
  return create_and_remove(store, arguments[0], std::numeric_limits<int>::max());
}

Status clean(const std::string& path) {
  auto fd = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
  return fd ? remove_litter(LayoutDir(std::move(*fd), path, true)) : fail(std::move(fd).error());
}

struct Action {
  std::string_view name;
  std::size_t arguments;
  Status (*function)(ImageStore&, const Arguments&);
};
constexpr Action kActions[] = {
    {"create", 2, create},           {"label", 3, label}, {"remove", 1, remove},
    {"create-many", 2, create_many}, {"work", 1, work},
};

// Returns nullopt for an unknown action.
std::optional<Status> act(const std::string& path, const std::string& name, const Arguments& arguments) {
  if (name == "clean") return clean(path);
  for (const Action& action : kActions) {
    if (action.name != name || action.arguments != arguments.size()) continue;
    auto store = open_image_store(path, "default", {.now = fixed_time});
    return store ? action.function(*store, arguments) : done(store);
  }
  return std::nullopt;
}

int run(const Arguments& arguments) {
  if (arguments.size() < 2) return 2;
  return testing::exit_code_of("image_actions",
                               act(arguments[0], arguments[1], {arguments.begin() + 2, arguments.end()}));
}

}  // namespace
}  // namespace layoutfs

int main(int argc, char** argv) { return layoutfs::run({argv + 1, argv + argc}); }

// `layoutfs image`: ls, rm and size.
#include "tools/commands/image.h"

#include <fnmatch.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/cas/driver.h"
#include "core/names/image_document.h"
#include "core/oci/image_facts.h"
#include "core/oci/reference.h"
#include "layoutfs/open.h"
#include "tools/cli/name_store.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct NameListArguments {
  NameStoreArguments store;
  std::vector<std::string> patterns;  // empty: all names
  std::vector<std::string> filters;
  bool is_long = false;
  bool is_json = false;
};

struct RemoveNamesArguments {
  NameStoreArguments store;
  std::vector<std::string> names;
  bool is_forced = false;
};

struct SizeArguments {
  NameStoreArguments store;
  std::string name;
  bool follow_links = false;
  bool is_json = false;
};

std::string layout_of(const NamedImage& image) {
  const auto layout = image.labels.find(kLayoutLabel);
  return layout == image.labels.end() ? "-" : layout->second;
}

// Keeps the images with a name that matches a pattern. Prints an error for each pattern without a match.
int keep_matching(std::vector<NamedImage>& images, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return kDone;
  const auto matches = [](const std::string& pattern, const NamedImage& image) {
    return ::fnmatch(pattern.c_str(), image.name.c_str(), 0) == 0;
  };
  int code = kDone;
  for (const std::string& pattern : patterns)
    if (std::ranges::none_of(images, [&](const NamedImage& image) { return matches(pattern, image); }))
      code = report(Error(Errc::not_found, "no image name matches '" + pattern + "'")
                        .with_hint("list all names with: layoutfs image ls"));
  std::erase_if(images, [&](const NamedImage& image) {
    return std::ranges::none_of(patterns,
                                [&](const std::string& pattern) { return matches(pattern, image); });
  });
  return code;
}

int list_names(const NameListArguments& arguments, Output& output) {
  const auto store = open_name_store(arguments.store);
  if (!store) return report(store.error());
  auto images = store->list(arguments.filters);
  if (!images) return report(images.error());
  if (const int unmatched = keep_matching(*images, arguments.patterns); unmatched != kDone) return unmatched;
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("images").begin_array();
  for (const NamedImage& image : *images) {
    if (arguments.is_json) {
      write_image(json, image);
      continue;
    }
    if (arguments.is_long) {
      const auto changed = std::chrono::floor<std::chrono::seconds>(image.updated_at).time_since_epoch();
      output.digest(image.target.digest) << " " << utc_time(changed.count()) << " ";
    }
    output.name(image.name);
    if (arguments.is_long) (output << " ").name(layout_of(image));
    output << "\n";
  }
  if (arguments.is_json) output << json.end_array().end_object().str() << "\n";
  return kDone;
}

// Continues after an error, and returns the exit code of the first.
int remove_names(const RemoveNamesArguments& arguments) {
  auto store = open_name_store(arguments.store);
  if (!store) return report(store.error());
  int code = kDone;
  for (const std::string& name : arguments.names) {
    const auto removed = store->remove(name);
    if (removed || (arguments.is_forced && removed.error().code() == Errc::not_found)) continue;
    const int failed = report_write(removed.error());
    if (code == kDone) code = failed;
  }
  return code;
}

Result<std::uint64_t> size_of(const NamedImage& image, bool follow_links) {
  const auto layout = image.labels.find(kLayoutLabel);
  if (layout == image.labels.end())
    return fail(Errc::not_found, "it has no label " + std::string(kLayoutLabel));
  const auto reader = builtin_drivers({.follow_links = follow_links}).open_reader(layout->second);
  if (!reader) return fail(Error(reader.error()));
  // The layout need not have all platforms of an index.
  return size_of_blobs(**reader, image.target, Missing::leaf);
}

int print_size(const SizeArguments& arguments, Output& output) {
  const auto store = open_name_store(arguments.store);
  if (!store) return report(store.error());
  const auto image = store->get(arguments.name);
  if (!image) return report(image.error());
  const auto size = size_of(*image, arguments.follow_links);
  if (!size) return report(Error(size.error()).with("image '" + image->name + "'"));
  if (!arguments.is_json) {
    output << human_size(*size) << "\n";
    return kDone;
  }
  JsonWriter json;
  json.begin_object().key("version").integer(kStoreJsonVersion).key("name").string(image->name);
  output << json.key("size").integer(to_json_integer(*size)).end_object().str() << "\n";
  return kDone;
}

void add_image_ls_command(Command image, int& exit_code) {
  const auto arguments = std::make_shared<NameListArguments>();
  const Command command = image.add_subcommand("ls", "List the names of images");
  command.example("layoutfs image ls -l");
  command.example("layoutfs image ls --filter labels.tier==test");
  command.usage("[PATTERN...]");
  command.add_option("IMAGE", arguments->patterns, "").type_name(kImageNameKind);
  command.example("layoutfs image ls 'prod/*'", "names that match a shell pattern");
  command
      .add_option("--filter", arguments->filters,
                  "List matching images, as in name~=/^app/; repeat to list more")
      .type_name("FILTER");
  command.add_flag("-l,--long", arguments->is_long, "Print digests, times (UTC) and layouts")
      .group(kOutputGroup);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  arguments->store.add_options(command);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return list_names(*arguments, output); });
  });
}

void add_image_rm_command(Command image, int& exit_code) {
  const auto arguments = std::make_shared<RemoveNamesArguments>();
  const Command command = image.add_subcommand("rm", "Remove names; the images stay");
  command.example("layoutfs image rm prod/app");
  command.example("layoutfs image rm --force prod/app test/app");
  command.add_option("NAME", arguments->names, "").type_name(kImageNameKind).required();
  command.add_flag("-f,--force", arguments->is_forced, "Ignore missing names");
  arguments->store.add_options(command);
  command.callback([arguments, &exit_code] { exit_code = remove_names(*arguments); });
}

void add_image_size_command(Command image, int& exit_code) {
  const auto arguments = std::make_shared<SizeArguments>();
  const Command command = image.add_subcommand("size", "Print the size of an image with all its blobs");
  command.example("layoutfs image size prod/app");
  command.example("layoutfs image size --json prod/app", "in bytes");
  command.add_option("NAME", arguments->name, "").type_name(kImageNameKind).required();
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  arguments->store.add_options(command);
  add_follow_links(command, arguments->follow_links);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return print_size(*arguments, output); });
  });
}

}  // namespace

void add_image_command(Command program, int& exit_code) {
  const Command image = program.add_subcommand("image", "Give names to images of any layouts");
  image.suggest("inspect", "inspect");
  add_image_ls_command(image, exit_code);
  add_image_tag_command(image, exit_code);
  add_image_label_command(image, exit_code);
  add_image_rm_command(image, exit_code);
  add_image_size_command(image, exit_code);
}

}  // namespace layoutfs::tools

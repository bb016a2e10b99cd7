// `layoutfs cat`.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/image/image_library.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/mount_options.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct CatArguments {
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF] PATH...; only PATH... if --layout is given
  std::string cache_disk;
  bool is_progress_hidden = false;
};

Status print_file(const Image& image, const std::string& path, Output& output) {
  const auto inode = image.resolve(path);
  if (!inode) return std::unexpected(inode.error());
  const InodeView file = image.tree().inode(*inode);
  if (file.type == EntryType::directory) return std::unexpected(Error::system(EISDIR, path));
  if (file.type != EntryType::file) return fail(Errc::unsupported, path + ": not a regular file");
  image.will_read(*inode);
  std::vector<std::byte> piece(std::min<std::uint64_t>(file.size, std::uint64_t{1} << 20));
  for (std::uint64_t offset = 0; offset < file.size;) {
    const auto got = image.read(*inode, piece, offset);
    if (!got) return fail(Error(got.error()), path);
    if (*got == 0) return fail(Errc::corrupt, path + ": content ends at byte " + std::to_string(offset));
    output << as_text(std::span(piece).first(*got));
    offset += *got;
  }
  return {};
}

Status cat(CatArguments arguments, Output& output) {
  auto taken = arguments.image.take_operand("cat", arguments.operands, std::string(kImageKind) + " PATH");
  if (!taken) return taken;
  if (arguments.operands.empty()) return fail(missing_operand("cat", "PATH"));
  LibraryOptions options;
  if (!arguments.cache_disk.empty()) {
    const auto size = parse_size(arguments.cache_disk);
    if (!size) return std::unexpected(size.error());
    options.cache_disk = *size;
  }
  Progress progress("indexing", !arguments.is_progress_hidden);
  options.progress = indexing_progress(progress);
  const auto layout = open_layout(arguments.image);
  if (!layout) return std::unexpected(layout.error());
  const auto manifest = find_manifest(*layout, arguments.image);
  if (!manifest) return std::unexpected(manifest.error());
  ImageLibrary library(layout->reader, open_cache(arguments.image.cache_dir), options);
  const auto image = library.image(*manifest);
  progress.clear();
  if (!image) return fail(Error(image.error()), layout->path);

  Status first_failure;
  for (const std::string& path : arguments.operands)
    if (auto printed = print_file(**image, path, output); !printed && first_failure)
      first_failure = std::move(printed);
    else if (!printed)
      print_error(printed.error());
  return first_failure;
}

}  // namespace

void add_cat_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<CatArguments>();
  const Command command = program.add_subcommand("cat", "Print files of an image");
  command.usage(std::string(kImageKind) + " PATH...");
  command.example("layoutfs cat ./img:app etc/os-release");
  command.example("layoutfs cat --platform linux/arm64 ./img:app bin/sh >sh", "of another platform");
  command.add_option("OPERANDS", arguments->operands, "").type_name(std::string(kImageKind) + " PATH...");
  arguments->image.add_options(command);
  command
      .add_option("--cache-disk", arguments->cache_disk,
                  "Disk space for decompressed layers (default: 4G; 0: none)")
      .type_name("SIZE")
      .group(kCacheGroup);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output_or_error([&](Output& output) { return cat(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools

// `layoutfs extract`.
#include "tools/extract/extract.h"

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/progress.h"
#include "tools/cli/sequential_image.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

struct ExtractArguments {
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF] [PATH...] DIR; without LAYOUT[:REF] if --layout is given
  bool is_owner_dropped = false;
  bool is_forced = false;
  bool is_progress_hidden = false;
};

int extract_files(const OpenLayout& layout, const ExtractArguments& arguments,
                  const std::vector<std::string>& paths, const std::string& directory) {
  const auto manifest = find_manifest(layout, arguments.image);
  if (!manifest) return report(manifest.error());
  const StopSignals signals;
  const auto opened = open_sequential_image(layout, *manifest, arguments.image.cache_dir,
                                            arguments.is_progress_hidden, signals.context());
  if (!opened) return signals.report(opened.error());
  const ImagePtr& image = opened->image;
  const Status complete = print_problems(*image, layout.path);

  Progress progress("extracting", !arguments.is_progress_hidden);
  const auto extracted = extract(
      *image, paths, directory,
      {.are_owners_kept = ::geteuid() == 0 && !arguments.is_owner_dropped,
       .force = arguments.is_forced,
       .progress = [&progress](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); },
       .context = signals.context()});
  progress.clear();
  if (!extracted) return signals.report_write(extracted.error());
  if (extracted->devices_left_out > 0)
    print_notice("left out " + count_of(extracted->devices_left_out, "device") +
                 ", which only root can create");
  print_notice("extracted " + count_of(extracted->files, "file") + " (" + human_size(extracted->bytes) +
               ") to " + directory);
  // The files are written, but the exit code must say that some are missing.
  return complete ? kDone : report(complete.error());
}

int extract_files(ExtractArguments arguments) {
  std::vector<std::string> operands = std::move(arguments.operands);
  if (auto taken = arguments.image.take_operand("extract", operands, std::string(kImageKind) + " DIR");
      !taken)
    return report(taken.error());
  if (operands.empty()) return report(missing_operand("extract", "DIR"));
  const std::string directory = operands.back();
  operands.pop_back();
  const auto layout = open_layout(arguments.image);
  if (!layout) return report(layout.error());
  return extract_files(*layout, arguments, operands, directory);
}

}  // namespace

void add_extract_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<ExtractArguments>();
  const Command command = program.add_subcommand("extract", "Write files of an image into a directory");
  command.usage(std::string(kImageKind) + " [PATH...] DIR");
  command
      .add_option("OPERANDS", arguments->operands,
                  "The image, files or directories in it (default: all), and the directory to write to")
      .type_name(std::string(kImageKind) + " [PATH...] DIR");
  command.add_flag("-f,--force", arguments->is_forced, "Replace existing files");
  command.add_flag("--no-same-owner", arguments->is_owner_dropped,
                   "Do not set owners and set-id bits (default for ordinary users)");
  arguments->image.add_options(command);
  command.example("layoutfs extract debian:bookworm rootfs", "write the whole image to ./rootfs");
  command.example("layoutfs extract debian:bookworm /etc/ssl usr/bin/perl out", "write out/ssl and out/perl");
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] { exit_code = extract_files(std::move(*arguments)); });
}

}  // namespace layoutfs::tools

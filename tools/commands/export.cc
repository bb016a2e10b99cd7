// `layoutfs export`.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/erofs/erofs_reader.h"
#include "tools/cli/command.h"
#include "tools/cli/files.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/progress.h"
#include "tools/cli/sequential_image.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/commands/export_tar.h"

namespace layoutfs::tools {
namespace {

struct ExportArguments {
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF] FILE; only the latter if --layout is given
  std::string format = "erofs";
  bool is_progress_hidden = false;
};

constexpr std::uint64_t kExportPiece = std::uint64_t{1} << 20;

Status write_erofs(const ImagePtr& image, const Digest& manifest, OutputFile& out, Progress& progress,
                   const Context& context) {
  auto erofs = make_erofs(image->tree(), manifest, ErofsPlacement::appended);
  if (!erofs) return fail(std::move(erofs).error());
  const ErofsReader reader(image, std::move(*erofs));
  for (std::uint64_t at = 0; at < reader.size(); at += kExportPiece) {
    IoBuffers piece;
    if (auto read = reader.read(piece, kExportPiece, at, context); !read) return read;
    for (const ByteView bytes : piece.views())
      if (auto written = out.write(bytes); !written) return written;
    progress.update("", at + piece.size(), reader.size());
  }
  return out.commit();
}

Status write_as_tar(const Image& image, OutputFile& out, Progress& progress, const Context& context) {
  const TarOutput output{
      .write = [&out](ByteView bytes) { return out.write(bytes); },
      .progress = [&progress](std::uint64_t done, std::uint64_t total) { progress.update("", done, total); }};
  if (auto written = write_tar(image, output, context); !written) return written;
  return out.commit();
}

int export_image(const OpenLayout& layout, const ExportArguments& arguments, const std::string& file) {
  const auto manifest = find_manifest(layout, arguments.image);
  if (!manifest) return report(manifest.error());
  const StopSignals signals;
  const auto opened = open_sequential_image(layout, *manifest, arguments.image.cache_dir,
                                            arguments.is_progress_hidden, signals.context());
  if (!opened) return signals.report(opened.error());
  const ImagePtr& image = opened->image;
  if (auto complete = check_complete(*image); !complete)
    return report(Error(complete.error()).with(layout.path));

  auto out = file == "-" ? Result<OutputFile>(OutputFile::standard_output()) : OutputFile::create(file);
  if (!out) return signals.report_write(out.error());
  Progress progress("exporting", !arguments.is_progress_hidden);
  const auto written = arguments.format == "tar"
                           ? write_as_tar(*image, *out, progress, signals.context())
                           : write_erofs(image, manifest->digest, *out, progress, signals.context());
  progress.clear();
  return written ? kDone : signals.report_write(written.error());
}

int export_image(ExportArguments arguments) {
  const auto file = arguments.image.take_operand_before("export", std::move(arguments.operands), "FILE");
  if (!file) return report(file.error());
  if (arguments.format != "erofs" && arguments.format != "tar")
    return report(
        Error(Errc::invalid_argument, "export: --format " + arguments.format + ": neither erofs nor tar"));
  const auto layout = open_layout(arguments.image);
  if (!layout) return report(layout.error());
  return export_image(*layout, arguments, *file);
}

}  // namespace

void add_export_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<ExportArguments>();
  const Command command =
      program.add_subcommand("export", "Write an image as one file: a filesystem image or a tar");
  command.usage(std::string(kImageKind) + " FILE");
  command.add_option("OPERANDS", arguments->operands, "The image, and the file to write (-: standard output)")
      .type_name(std::string(kImageKind) + " FILE");
  command
      .add_option("--format", arguments->format,
                  "erofs: a filesystem that Linux mounts; tar (default: erofs)")
      .type_name("erofs|tar");
  arguments->image.add_options(command);
  command.example("layoutfs export debian:bookworm debian.erofs",
                  "then: mount -t erofs -o loop debian.erofs /mnt");
  command.example("layoutfs export --platform linux/arm64 app:1.0 app.erofs",
                  "the image of another platform");
  command.example("layoutfs export --format tar debian:bookworm - | zstd >debian.tar.zst",
                  "a compressed tar of all files");
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] { exit_code = export_image(std::move(*arguments)); });
}

}  // namespace layoutfs::tools

// `layoutfs ls`.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/image/image_library.h"
#include "core/oci/entry_names.h"
#include "tools/cli/command.h"
#include "tools/cli/entry_json.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/inode_json.h"
#include "tools/cli/progress.h"
#include "tools/cli/store.h"
#include "tools/commands/file_listing.h"

namespace layoutfs::tools {
namespace {

struct LsArguments {
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF [PATH]]; only PATH if --layout is given
  bool is_long = false;
  bool is_human_readable = false;
  bool is_all = true;  // constant: nothing is hidden
  bool is_recursive = false;
  bool has_paths = false;      // --paths
  bool ends_with_nul = false;  // -0
  bool is_json = false;
  bool is_progress_hidden = false;
};

constexpr std::int64_t kListVersion = 1;

// Writes the members for one file into the current object.
void write_file(JsonWriter& json, const ImageTree& tree, Inode number, std::string_view path) {
  write_bytes(json, "path", path);
  write_inode(json, tree, number);
}

// Lists an image's files, one directory after the other. Paths are relative to the image's root.
class FileLister {
 public:
  FileLister(const Image& image, const LsArguments& arguments, Output& output)
      : tree_(image.tree()),
        arguments_(arguments),
        output_(output),
        attributes_(arguments.is_human_readable) {
    if (arguments_.is_json) json_.begin_object().key("version").integer(kListVersion);
  }

  void list(Inode inode, const std::string& path) {
    if (arguments_.is_json) begin_json(inode, path);
    if (tree_.inode(inode).type == EntryType::directory)
      list_directories(inode, path);
    else
      print(inode, tree_.inode(inode), path, path);
    if (arguments_.is_json) output_ << json_.end_array().end_object().take() << "\n";
  }

 private:
  void begin_json(Inode inode, const std::string& path) {
    write_problems(json_, tree_.problems());
    if (tree_.inode(inode).type == EntryType::directory) {
      json_.key("directory").begin_object();
      write_file(json_, tree_, inode, path);
      json_.end_object();
    }
    json_.key("files").begin_array();
  }

  void list_directories(Inode first, const std::string& path) {
    struct Pending {
      Inode directory;
      std::string path;
    };
    std::vector<Pending> pending{{first, path}};
    for (bool is_first = true; !pending.empty(); is_first = false) {
      const Pending current = std::move(pending.back());
      pending.pop_back();
      if (arguments_.is_recursive && !arguments_.has_paths && !arguments_.is_json) {
        if (!is_first) output_ << "\n";
        output_.name("/" + current.path) << ":\n";
      }
      const std::size_t count = tree_.child_count(current.directory);
      std::vector<Pending> below;
      std::string child_path = current.path.empty() ? "" : current.path + "/";
      const std::size_t prefix = child_path.size();
      for (std::size_t rank = 0; rank < count; ++rank) {
        const DirectoryEntry child = tree_.child(current.directory, rank);
        child_path.replace(prefix, std::string::npos, child.name);
        const InodeView inode = tree_.inode(child.inode);
        print(child.inode, inode, child.name, child_path);
        if (arguments_.is_recursive && inode.type == EntryType::directory)
          below.push_back({child.inode, child_path});
      }
      pending.insert(pending.end(), std::make_move_iterator(below.rbegin()),
                     std::make_move_iterator(below.rend()));
    }
  }

  void print(Inode number, const InodeView& inode, std::string_view name, std::string_view path) {
    if (arguments_.is_json) return print_json(number, path);
    if (arguments_.is_long) output_ << attributes_.text(inode);
    if (arguments_.has_paths) output_ << "/";
    const std::string_view shown = arguments_.has_paths ? path : name;
    if (arguments_.ends_with_nul)
      output_ << shown;
    else
      output_.name(shown);
    if (arguments_.is_long && inode.type == EntryType::symlink) (output_ << " -> ").name(inode.target);
    output_ << (arguments_.ends_with_nul ? std::string_view("\0", 1) : "\n");
  }

  void print_json(Inode number, std::string_view path) {
    json_.begin_object();
    write_file(json_, tree_, number, path);
    json_.end_object();
    // A list of a million files has hundreds of megabytes.
    print_if_large(json_, output_);
  }

  const ImageTree& tree_;
  const LsArguments& arguments_;
  Output& output_;
  JsonWriter json_;
  AttributeColumns attributes_;
};

Status list_references(const OpenLayout& layout, const LsArguments& arguments, Output& output) {
  const auto references = layout.reader->references();
  if (!references) return std::unexpected(references.error());
  for (const std::string& problem : (*references)->problems) print_error(layout.path + ": " + problem);
  const EntryNames names((*references)->entries);
  JsonWriter json;
  json.begin_object().key("version").integer(kListVersion).key("references").begin_array();
  for (std::size_t position = 0; position < (*references)->entries.size(); ++position) {
    const Descriptor& entry = (*references)->entries[position];
    if (arguments.is_json) {
      json.begin_object();
      write_names(json, entry, names.label(position));
      json.key("digest").string(entry.digest.str()).key("mediaType").string(entry.media_type);
      json.key("size").integer(static_cast<std::int64_t>(entry.size)).end_object();
      continue;
    }
    if (arguments.is_long) {
      const DocumentKind kind = document_kind(entry.media_type);
      output.digest(entry.digest) << " "
                                  << (kind == DocumentKind::index      ? "index    "
                                      : kind == DocumentKind::manifest ? "manifest "
                                                                       : "other    ");
    }
    output.name(names.label(position)) << "\n";
  }
  json.end_array();
  write_problems(json, (*references)->problems);
  if (arguments.is_json) output << json.end_object().str() << "\n";
  if (!(*references)->problems.empty())
    return fail(Errc::corrupt, layout.path + ": invalid references are left out");
  return {};
}

Status list_files(const OpenLayout& layout, const LsArguments& arguments, const std::string& path,
                  Output& output) {
  const auto manifest = find_manifest(layout, arguments.image);
  if (!manifest) return std::unexpected(manifest.error());
  Progress progress("indexing", !arguments.is_progress_hidden);
  ImageLibrary library(layout.reader, open_cache(arguments.image.cache_dir),
                       {.progress = indexing_progress(progress)});
  const auto image = library.image(*manifest);
  progress.clear();
  if (!image) return fail(Error(image.error()), layout.path);
  const Status complete = print_problems(**image, layout.path);
  const auto inode = (*image)->resolve(path);
  if (!inode) return std::unexpected(inode.error());
  FileLister(**image, arguments, output).list(*inode, clean_path(path));
  return complete;
}

Status ls(LsArguments arguments, Output& output) {
  const auto path = arguments.image.take_operand_before_path("ls", std::move(arguments.operands));
  if (!path) return fail(Error(path.error()));
  if (arguments.ends_with_nul && !arguments.has_paths)
    return fail(Errc::invalid_argument, "ls: '--null' needs '--paths'");
  const auto layout = open_layout(arguments.image);
  if (!layout) return std::unexpected(layout.error());
  if (layout->reference.empty() && !*path) return list_references(*layout, arguments, output);
  return list_files(*layout, arguments, path->value_or(""), output);
}

}  // namespace

void add_ls_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<LsArguments>();
  const Command command =
      program.add_subcommand("ls", "List the references of a layout, or the files of an image");
  command.usage(std::string(kImageKind) + " [PATH]");
  command.example("layoutfs ls ./img", "the references");
  command.example("layoutfs ls -l ./img:app /usr/bin", "files of an image");
  command.add_option("OPERANDS", arguments->operands, "").type_name(std::string(kImageKind) + " [PATH]");
  arguments->image.add_options(command);
  command.add_flag("-l,--long", arguments->is_long, "Print modes, owners, sizes and times (UTC), or digests")
      .group(kOutputGroup);
  command.add_flag("-h,--human-readable", arguments->is_human_readable, "With -l: print sizes as in 1.2 MB")
      .group(kOutputGroup);
  command.add_flag("-a,--all", arguments->is_all, "Accepted: names that begin with a dot are always listed")
      .group(kOutputGroup);
  command.add_flag("-R,--recursive", arguments->is_recursive, "List directories recursively")
      .group(kOutputGroup);
  command.add_flag("--paths", arguments->has_paths, "Print whole paths, one per line").group(kOutputGroup);
  command.add_flag("-0,--null", arguments->ends_with_nul, "End each line of --paths with NUL, for xargs -0")
      .group(kOutputGroup);
  command.add_flag("--json", arguments->is_json, "Print JSON").group(kOutputGroup);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output_or_error([&](Output& output) { return ls(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools

// `layoutfs du`.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "core/base/is_at_or_below.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/explain/build_history.h"
#include "core/explain/treemap.h"
#include "core/explain/usage.h"
#include "tools/cli/command.h"
#include "tools/cli/files.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/image_problems.h"
#include "tools/cli/inode_json.h"
#include "tools/cli/progress.h"
#include "tools/cli/sequential_image.h"
#include "tools/cli/stop_signals.h"
#include "tools/cli/store.h"
#include "tools/cli/table.h"

namespace layoutfs::tools {
namespace {

struct DuArguments {
  ImageArguments image;
  std::vector<std::string> operands;  // LAYOUT[:REF] [PATH]; only PATH if --layout is given
  std::string max_depth, layer, treemap;
  bool is_all = false;
  bool is_json = false;
  bool is_progress_hidden = false;
};

constexpr std::int64_t kUsageVersion = 1;
// JSON has all of them.
constexpr std::size_t kMaxWastedShown = 10;

// Everything that the output is made of.
struct Explained {
  std::string title;  // LAYOUT:REF
  Descriptor manifest;
  SequentialImage opened;
  std::vector<BuildHistory::Layer> layers;
  std::vector<std::shared_ptr<const LayerEntries>> entries;  // of the layers; `usage` refers to them
  ImageUsage usage;
  std::string path;  // of the listed directory, below the root
  std::optional<DirectorySizes> sizes;
  std::size_t max_depth = 1;
};

// The layers by number, as in "0-2,5".
std::string ranges_of(const std::vector<LayerBytes>& layers) {
  std::string text;
  for (std::size_t i = 0; i < layers.size();) {
    std::size_t last = i;
    while (last + 1 < layers.size() && layers[last + 1].layer == layers[last].layer + 1) ++last;
    if (!text.empty()) text += ",";
    text += std::to_string(layers[i].layer);
    if (last > i) text += "-" + std::to_string(layers[last].layer);
    i = last + 1;
  }
  return text;
}

std::string path_of(const Explained& image, std::size_t row) {
  const std::string below = image.sizes->path(row);
  return "/" + image.path + (image.path.empty() || below.empty() ? "" : "/") + below;
}

// Returns the rows to list, in their order: directories, and files if they were asked for.
std::vector<std::size_t> listed_rows(const Explained& image, const DuArguments& arguments) {
  std::vector<std::size_t> listed;
  const auto& rows = image.sizes->rows();
  for (std::size_t i = 0; i < rows.size() && rows[i].depth <= image.max_depth; ++i) {
    const bool is_of_layer = arguments.layer.empty() || rows[i].files > 0;
    if (i == 0 || ((rows[i].is_directory || arguments.is_all) && is_of_layer)) listed.push_back(i);
  }
  return listed;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "0 %";
  const double value = 100 * static_cast<double>(part) / static_cast<double>(whole);
  std::string text = std::to_string(value);
  text.resize(text.find('.') + 2);
  return text + " %";
}

void print_directories(const Explained& image, const DuArguments& arguments, Output& output) {
  using enum Table::Align;
  Table table({{"SIZE", right}, {"FILES", right}, {"LAYERS"}, {"PATH"}});
  const auto layers = image.sizes->bytes_by_layer(image.max_depth);
  const auto& rows = image.sizes->rows();
  std::vector<std::size_t> listed = listed_rows(image, arguments);
  std::ranges::sort(listed, [&](std::size_t a, std::size_t b) {
    return rows[a].bytes != rows[b].bytes ? rows[a].bytes > rows[b].bytes : a < b;
  });
  for (const std::size_t row : listed)
    table.add_row({human_size(rows[row].bytes), std::to_string(rows[row].files), ranges_of(layers[row]),
                   printable(path_of(image, row))});
  output << table.text(stdout_style(), true);
}

void print_layers(const Explained& image, Output& output) {
  using enum Table::Align;
  Table table({{"LAYER", right},
               {"PACKED", right},
               {"CONTENT", right},
               {"VISIBLE", right},
               {"WASTED", right},
               {"CREATED BY"}});
  for (std::size_t i = image.layers.size(); i-- > 0;) {
    const LayerUsage& usage = image.usage.layers[i];
    table.add_row({std::to_string(i), human_size(image.layers[i].descriptor.size), human_size(usage.bytes),
                   human_size(usage.visible), human_size(usage.wasted()),
                   one_line(image.layers[i].created_by)});
  }
  output << table.text(stdout_style());
}

void print_wasted(const Explained& image, Output& output) {
  const LayerUsage& all = image.usage.all;
  output << "wasted: " << human_size(all.wasted()) << " of " << human_size(all.bytes) << " ("
         << percent(all.wasted(), all.bytes) << ")\n";
  if (image.usage.wasted.empty()) return;
  using enum Table::Align;
  Table table({{"WASTED", right}, {"COPIES", right}, {"PATH"}});
  const std::size_t shown = std::min(image.usage.wasted.size(), kMaxWastedShown);
  for (std::size_t i = 0; i < shown; ++i) {
    const WastedFile& file = image.usage.wasted[i];
    table.add_row(
        {human_size(file.bytes), std::to_string(file.copies), printable("/" + std::string(file.path))});
  }
  output << "\n" << table.text(stdout_style(), true);
  if (const std::size_t more = image.usage.wasted.size() - shown; more > 0)
    output << "and " << count_of(more, "more path") << "; --json lists all\n";
}

void write_layers(JsonWriter& json, const Explained& image) {
  json.key("layers").begin_array();
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const BuildHistory::Layer& layer = image.layers[i];
    const LayerUsage& usage = image.usage.layers[i];
    json.begin_object().key("digest").string(layer.descriptor.digest.str());
    json.key("size")
        .integer(to_json_integer(layer.descriptor.size))
        .key("bytes")
        .integer(to_json_integer(usage.bytes));
    json.key("visibleBytes")
        .integer(to_json_integer(usage.visible))
        .key("wastedBytes")
        .integer(to_json_integer(usage.wasted()));
    json.key("createdBy").string(layer.created_by).end_object();
  }
  json.end_array();
}

void print_json(const Explained& image, const DuArguments& arguments, Output& output) {
  JsonWriter json;
  const LayerUsage& all = image.usage.all;
  json.begin_object().key("version").integer(kUsageVersion);
  json.key("manifest").string(image.manifest.digest.str());
  write_problems(json, image.opened.image->tree().problems());
  json.key("bytes")
      .integer(to_json_integer(all.bytes))
      .key("visibleBytes")
      .integer(to_json_integer(all.visible));
  json.key("wastedBytes").integer(to_json_integer(all.wasted()));
  write_layers(json, image);
  json.key("wasted").begin_array();
  for (const WastedFile& file : image.usage.wasted) {
    json.begin_object();
    write_bytes(json, "path", "/" + std::string(file.path));
    json.key("bytes")
        .integer(to_json_integer(file.bytes))
        .key("copies")
        .integer(to_json_integer(file.copies));
    json.key("layer").integer(file.layer).end_object();
    print_if_large(json, output);
  }
  json.end_array().key("files").begin_array();
  const auto layers = image.sizes->bytes_by_layer(image.max_depth);
  for (const std::size_t i : listed_rows(image, arguments)) {
    const DirectorySizes::Row& row = image.sizes->rows()[i];
    json.begin_object();
    write_bytes(json, "path", path_of(image, i));
    json.key("type").string(row.is_directory ? "directory" : "file");
    json.key("bytes").integer(to_json_integer(row.bytes)).key("files").integer(to_json_integer(row.files));
    json.key("layers").begin_array();
    for (const LayerBytes& each : layers[i])
      json.begin_object()
          .key("layer")
          .integer(each.layer)
          .key("bytes")
          .integer(to_json_integer(each.bytes))
          .end_object();
    json.end_array().end_object();
    print_if_large(json, output);
  }
  output << json.end_array().end_object().take() << "\n";
}

// Returns the usage without the wasted files that are not below the listed directory.
ImageUsage usage_below(const Explained& image) {
  if (image.path.empty()) return image.usage;
  ImageUsage usage{.layers = image.usage.layers, .all = {}, .wasted = {}};
  usage.all.bytes = usage.all.visible = image.sizes->rows()[0].bytes;
  for (const WastedFile& file : image.usage.wasted) {
    if (!is_at_or_below(file.path, image.path)) continue;
    usage.wasted.push_back(file);
    usage.all.bytes += file.bytes;
  }
  return usage;
}

Status write_treemap(const Explained& image, const std::string& file) {
  TreemapLabels labels{.title = image.title, .layers = {}, .size_text = human_size};
  if (!image.path.empty()) labels.title += " /" + image.path;
  for (const BuildHistory::Layer& layer : image.layers) labels.layers.push_back(one_line(layer.created_by));
  auto out = file == "-" ? Result<OutputFile>(OutputFile::standard_output()) : OutputFile::create(file);
  if (!out) return fail(std::move(out).error());
  const std::string svg = draw_treemap(image.opened.image->tree(), *image.sizes, usage_below(image), labels);
  if (auto written = out->write(as_bytes(svg)); !written) return written;
  return out->commit();
}

// Returns the layer of --layer. Errc::invalid_argument if the image does not have it.
Result<std::optional<std::uint32_t>> chosen_layer(const DuArguments& arguments, std::size_t layers) {
  if (arguments.layer.empty()) return std::nullopt;
  const auto number = parse_count("--layer", arguments.layer);
  if (!number) return fail(Error(number.error()));
  if (*number >= layers)
    return fail(Errc::invalid_argument, "--layer " + arguments.layer + ": the image has " +
                                            count_of(layers, "layer") + ", counted from 0");
  return static_cast<std::uint32_t>(*number);
}

Result<Explained> explain(const OpenLayout& layout, const DuArguments& arguments, const std::string& path,
                          const Context& context) {
  std::size_t max_depth =
      arguments.is_all || !arguments.treemap.empty() ? std::numeric_limits<std::size_t>::max() : 1;
  if (!arguments.max_depth.empty()) {
    const auto parsed = parse_count("--max-depth", arguments.max_depth);
    if (!parsed) return fail(Error(parsed.error()));
    max_depth = *parsed;
  }
  auto manifest = find_manifest(layout, arguments.image);
  if (!manifest) return fail(std::move(manifest).error());
  auto opened = open_sequential_image(layout, *manifest, arguments.image.cache_dir,
                                      arguments.is_progress_hidden, context);
  if (!opened) return fail(std::move(opened).error());
  auto history = read_build_history(opened->library->graph(), *manifest, context);
  if (!history) return fail(std::move(history).error(), layout.path);
  const auto layer = chosen_layer(arguments, history->layers.size());
  if (!layer) return fail(Error(layer.error()));
  const Image& image = *opened->image;
  const auto start = image.resolve(path, false);
  if (!start) return fail(Error(start.error()));
  std::vector<std::shared_ptr<const LayerEntries>> entries;
  for (const BuildHistory::Layer& each : history->layers) {
    const auto indexed = opened->library->layer(each.descriptor, context);
    if (!indexed) return fail(Error(indexed.error()), layout.path);
    entries.push_back((*indexed)->index->entries());
  }
  return Explained{.title = name_of_image(layout.path, layout.reference),
                   .manifest = std::move(*manifest),
                   .opened = std::move(*opened),
                   .layers = std::move(history->layers),
                   .entries = entries,
                   .usage = usage_of(image.tree(), entries),
                   .path = clean_path(path),
                   .sizes = DirectorySizes(image.tree(), *start, *layer),
                   .max_depth = max_depth};
}

int show_usage(DuArguments arguments, Output& output) {
  const auto path = arguments.image.take_operand_before_path("du", std::move(arguments.operands));
  if (!path) return report(path.error());
  const auto layout = open_layout(arguments.image);
  if (!layout) return report(layout.error());
  const StopSignals signals;
  const auto image = explain(*layout, arguments, path->value_or(""), signals.context());
  if (!image) return signals.report(image.error());
  const Status complete = print_problems(*image->opened.image, layout->path);
  if (!arguments.treemap.empty()) {
    if (auto written = write_treemap(*image, arguments.treemap); !written)
      return report_write(written.error());
  } else if (arguments.is_json) {
    print_json(*image, arguments, output);
  } else {
    print_directories(*image, arguments, output);
    output << "\n";
    print_layers(*image, output);
    output << "\n";
    print_wasted(*image, output);
  }
  if (complete) return kDone;
  output.flush();
  return report(complete.error());
}

}  // namespace

void add_du_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<DuArguments>();
  const Command command =
      program.add_subcommand("du", "Show the sizes of directories and layers, and wasted bytes");
  command.usage(std::string(kImageKind) + " [PATH]");
  command.example("layoutfs du ./img:app");
  command.example("layoutfs du -d 2 ./img:app /usr", "two levels of directories");
  command.example("layoutfs du --treemap app.svg ./img:app", "a picture for a browser");
  command.add_option("OPERANDS", arguments->operands, "").type_name(std::string(kImageKind) + " [PATH]");
  arguments->image.add_options(command);
  command.start_group(kOutputGroup);
  command
      .add_option("-d,--max-depth", arguments->max_depth,
                  "List directories at most N levels below PATH (default: 1)")
      .type_name("N")
      .not_empty();
  command.add_flag("-a,--all", arguments->is_all, "List files, too, at all levels unless -d is given");
  const Option layer =
      command.add_option("--layer", arguments->layer, "List only the files of layer N, from 0 for the base")
          .type_name("N")
          .not_empty();
  const Option json = command.add_flag("--json", arguments->is_json, "Print JSON");
  command
      .add_option("--treemap", arguments->treemap,
                  "Write a picture of the sizes to FILE, as SVG, instead of the tables")
      .type_name("FILE")
      .not_empty()
      .excludes(json)
      .excludes(layer);
  add_progress_option(command, arguments->is_progress_hidden);
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return show_usage(std::move(*arguments), output); });
  });
}

}  // namespace layoutfs::tools

"""PyTorch modules and files: read by hooks, their data flow written down from one real run.

network                 a module as a network
inputs                  does a module take one image, and where not, which part of it?
measurement             runs at several sizes, which show what the layers are, and what of their shapes is free
sizes                   which images it takes, found by trying
image_layout            how images are laid out for it
devices                 where PyTorch can compute here

runs                    one run, traced, with the names of its parts
calls                   results recorded through hooks that stay for one call
result_parts            the tensors in what a module gives
trace                   what every operation of a run does, below autograd
shapes                  a run without numbers, for shapes alone
result_bound            what a run may take where a file is not trusted
operation_arguments     what an operation was called with, in one form
memory                  tensors told apart by their memory
remembered_tensors      tensors that functions remember

rewrites                calls of torch that are computed together, in less time
rewritten_calls         how two of them are
pool_before_activation  activations after max-pooling
batch_norm_folding      batch normalisations within convolutions

axes                    where rows and columns lie among the axes of a tensor, while none are mixed
layout                  where they and special tokens lie, also behind what mixes places
layout_rules            where they lie after each operation
windows                 how each operation moves them
lookup                  operations whose windows are not the same everywhere

attention               the weights of attention, read, or held constant on the way back
rectifiers              which ReLUs stand before a layer
randomisation           which weights belong to which layer
state                   a module left as it was found
composition             is a module still made of the same parts?
exporting               a module written down as plain layers
carried                 what modules of known libraries carry about their images

files                   the files that hold models
folders                 the folders of libraries: settings as JSON, weights beside them
weights                 weights of a file, put into a live module
weight_files            weights read from a file
old_weights             weights in files from before PyTorch 1.6
missing_weights         layers that a file brought no weights for
archive                 a zip archive as PyTorch writes one
offline                 nothing is fetched while a folder is opened
messages                what PyTorch says of an error, in one line
quiet_logs              what PyTorch logs and also raises
triton_import           Triton must come before TensorFlow

trust                   what a file must not hold unless it is trusted
operations              the operations that only compute
pickles                 what a pickle would make, told without making it
programs                what an exported program could do
program_schema          its members, read along PyTorch's schema
program_texts           what each of its texts may be
program_graphs          does it come to an end?
formulas                its formulas of sizes
script_code             what the code of a TorchScript archive could do, as text
script_graphs           what it could do as PyTorch resolved it, and how long
script_types            the types of numbers that it names
script_objects          the objects that it holds
script_divisions        the divisions in it that would end the process
script_texts            the texts and tuples in it that would grow while it is loaded
script_runs             bounds on its runs, where its way depends on the numbers in an image
script_insertion        operations put into it, which look at a number before it is used
"""

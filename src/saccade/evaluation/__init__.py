"""Does the map tell the truth, on this model and these photos?

evaluation          every test of every method: the only place where an `Evaluation` is made
setup               what all methods are tested with
measuring           the tests of one method, batch by batch
measurements        what was measured of one method
map_checks          the checks of its maps beside deletion and insertion
settings            what is tested how often
photos              the photos that take part
masks               the masks of the objects on them
batches             photos in batches of one size
controls            maps that know nothing of the model: a method that does not beat them shows nothing of it
rankings            a map becomes an order of pixels
imputation          what stands in for removed pixels
similarity          how like a code is to that of the unchanged image
removal             deletion and insertion: the score of a map
pair_test           do links join what makes two images alike?
areas               the area under a curve
randomisation       randomised weights must change the map
direction           another question must change the map
stability           a little noise must not
equivariance        the map of a mirrored or shifted photo must be mirrored or shifted
untrained_networks  a map beside the maps of networks with fresh weights
agreement           how alike two maps are: rank correlation
localisation        do maps and masks of objects meet
intervals           what the number of photos allows to say
verdict             the tests in plain words
score_checks        tests of the score itself
worsening           maps that are made worse must score less
ceiling             how good any map could be
progress            how far the work is
cache               what an earlier run has finished
"""

from __future__ import annotations

from saccade.evaluation.evaluation import evaluate

__all__ = ["evaluate"]

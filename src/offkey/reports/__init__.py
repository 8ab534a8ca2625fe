"""Figures, tables and pages, from tables on disk only: no sound and no detector in here.

One file per figure family (``plot_x(table) -> Figure``); :mod:`publishing` writes a figure in both
themes with its table; :mod:`pages` and :mod:`index` write what a reader opens.
"""

from offkey.reports.attention import (
    deletion_sentences,
    plot_attention,
    plot_attention_profile,
    plot_deletion,
    with_verdicts,
)
from offkey.reports.cards import write_card
from offkey.reports.conclusion_sentences import conclusions, world_sentences
from offkey.reports.confusion import confusion_counts, plot_confusion
from offkey.reports.decoder_lines import plot_family_lines, plot_weights
from offkey.reports.detector_scores import plot_detector_scores
from offkey.reports.differences import difference_table, family_note
from offkey.reports.dose import plot_dose, plot_dose_families
from offkey.reports.edit_accuracy import plot_edit_accuracy
from offkey.reports.estimate_tables import (
    called_ai,
    drop_table,
    fault_table,
    gain_table,
    level_table,
    movement_table,
    threshold_losses,
    threshold_table,
    worst_drops,
)
from offkey.reports.estimates import plot_estimates
from offkey.reports.history import plot_history
from offkey.reports.matrices import (
    plot_agreement,
    plot_detectors,
    plot_forgetting,
    plot_regimes,
    relative_table,
)
from offkey.reports.mean_histograms import bin_table, plot_bins
from offkey.reports.notebook_cleaning import clean_notebook, scrub
from offkey.reports.pages import notebook_page, question_of, results_index, study_index
from offkey.reports.probabilities import (
    plot_histograms,
    plot_reliability,
    reliability_bins,
    score_bins,
)
from offkey.reports.publishing import publish, show_sentences, show_table
from offkey.reports.severity import has_levels, plot_severity
from offkey.reports.shortcuts import plot_clues
from offkey.reports.spectrogram import mel_table, plot_spectrogram, plot_waveforms, wave_table
from offkey.reports.tables import comparable, headline, main_variants, over_seeds, per_variant
from offkey.reports.verdict_cards import verdict_card, verdict_table
from offkey.reports.words import edit_name, formatted, regime_name

__all__ = [
    "bin_table",
    "called_ai",
    "clean_notebook",
    "comparable",
    "conclusions",
    "confusion_counts",
    "deletion_sentences",
    "difference_table",
    "drop_table",
    "edit_name",
    "family_note",
    "fault_table",
    "formatted",
    "gain_table",
    "has_levels",
    "headline",
    "level_table",
    "main_variants",
    "mel_table",
    "movement_table",
    "notebook_page",
    "over_seeds",
    "per_variant",
    "plot_agreement",
    "plot_attention",
    "plot_attention_profile",
    "plot_bins",
    "plot_clues",
    "plot_confusion",
    "plot_deletion",
    "plot_detector_scores",
    "plot_detectors",
    "plot_dose",
    "plot_dose_families",
    "plot_edit_accuracy",
    "plot_estimates",
    "plot_family_lines",
    "plot_forgetting",
    "plot_histograms",
    "plot_history",
    "plot_regimes",
    "plot_reliability",
    "plot_severity",
    "plot_spectrogram",
    "plot_waveforms",
    "plot_weights",
    "publish",
    "question_of",
    "regime_name",
    "relative_table",
    "reliability_bins",
    "results_index",
    "score_bins",
    "scrub",
    "show_sentences",
    "show_table",
    "study_index",
    "threshold_losses",
    "threshold_table",
    "verdict_card",
    "verdict_table",
    "wave_table",
    "with_verdicts",
    "world_sentences",
    "worst_drops",
    "write_card",
]

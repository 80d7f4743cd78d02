"""Names and orders of the features in their two published versions.

Names, order and values changed with catch22 1.0: numbers of one version mean nothing to a model
that was trained on the other, so every feature carries its version.
"""

from __future__ import annotations

from neuroloom.circuit_inference.errors import unknown

NAMES: dict[str, tuple[str, ...]] = {
    "1.0": (
        "DN_HistogramMode_5",
        "DN_HistogramMode_10",
        "DN_OutlierInclude_p_001_mdrmd",
        "DN_OutlierInclude_n_001_mdrmd",
        "CO_FirstCrossing_acf_1e_pointOfCrossing",
        "CO_FirstMin_ac",
        "SP_Summaries_fft_area_5_1",
        "SP_Summaries_fft_wq_50",
        "FC_LocalSimple_mean3_stde",
        "FC_LocalSimple_mean1_taurat",
        "MD_pNN_pnn40",
        "SB_BinaryStats_mean_longstretch1",
        "SB_BinaryStats_diff_longstretch0",
        "SB_MotifThree_quantile_hh",
        "CO_HistogramAMI_even_5bin_ami2",
        "CO_trev_1_num",
        "IN_AutoMutualInfoStats_40_gaussian_fmmi",
        "SB_TransitionMatrix_quantile_3_ac_sumdiagcov",
        "PD_PeriodicityWang_th0_01",
        "CO_Embed2_Dist_tau_d_expfit_meandiff",
        "SC_FluctAnal_2_rsrangefit_50_1_logi_prop_r1",
        "SC_FluctAnal_2_dfa_50_1_2_logi_prop_r1",
    ),
    "classic": (
        "DN_HistogramMode_5",
        "DN_HistogramMode_10",
        "CO_f1ecac",
        "CO_FirstMin_ac",
        "CO_HistogramAMI_even_2_5",
        "CO_trev_1_num",
        "MD_hrv_classic_pnn40",
        "SB_BinaryStats_mean_longstretch1",
        "SB_TransitionMatrix_3ac_sumdiagcov",
        "PD_PeriodicityWang_th0_01",
        "CO_Embed2_Dist_tau_d_expfit_meandiff",
        "IN_AutoMutualInfoStats_40_gaussian_fmmi",
        "FC_LocalSimple_mean1_tauresrat",
        "DN_OutlierInclude_p_001_mdrmd",
        "DN_OutlierInclude_n_001_mdrmd",
        "SP_Summaries_welch_rect_area_5_1",
        "SB_BinaryStats_diff_longstretch0",
        "SB_MotifThree_quantile_hh",
        "SC_FluctAnal_2_rsrangefit_50_1_logi_prop_r1",
        "SC_FluctAnal_2_dfa_50_1_2_logi_prop_r1",
        "SP_Summaries_welch_rect_centroid",
        "FC_LocalSimple_mean3_stderr",
    ),
}

SHORT_NAMES: dict[str, tuple[str, ...]] = {
    "1.0": (
        "mode_5",
        "mode_10",
        "outlier_timing_pos",
        "outlier_timing_neg",
        "acf_timescale",
        "acf_first_min",
        "low_freq_power",
        "median_freq",
        "forecast_error",
        "whiten_timescale",
        "high_fluctuation",
        "stretch_high",
        "stretch_decreasing",
        "entropy_pairs",
        "ami2",
        "trev",
        "ami_timescale",
        "transition_variance",
        "periodicity",
        "embedding_dist",
        "rs_range",
        "dfa",
    ),
    "classic": (
        "mode_5",
        "mode_10",
        "acf_timescale",
        "acf_first_min",
        "ami2",
        "trev",
        "high_fluctuation",
        "stretch_high",
        "transition_matrix",
        "periodicity",
        "embedding_dist",
        "ami_timescale",
        "whiten_timescale",
        "outlier_timing_pos",
        "outlier_timing_neg",
        "low_freq_power",
        "stretch_decreasing",
        "entropy_pairs",
        "rs_range",
        "dfa",
        "centroid_freq",
        "forecast_error",
    ),
}


def feature_names(version: str = "1.0", *, short: bool = False) -> tuple[str, ...]:
    """Return the 22 names in their order.

    Parameters
    ----------
    version : {"1.0", "classic"}
        Definitions of catch22 1.0, or those before it (pycatch22 0.4).
    short : bool
        The short names instead.

    Raises
    ------
    UnknownNameError
        If there is no such version.
    """
    if version not in NAMES:
        raise unknown("version", version, NAMES)
    return (SHORT_NAMES if short else NAMES)[version]
